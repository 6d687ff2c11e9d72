// Ask every two seconds whether the login was approved on the phone. Without this script, the button on the page asks.
"use strict";
const form = document.querySelector("form[action='/login/answer']");
const OFTEN = 2000, SELDOM = 30000;
let leaving = false;
let pause = OFTEN;
async function status() {
  const sent = { method: "POST", body: new URLSearchParams({ csrf: form.elements.csrf.value }) };
  const answer = await fetch("/login/pushed", sent);
  // The server, or a proxy before it, may be unable to answer for now.
  if (answer.status >= 500 || answer.status === 429) throw new Error(answer.statusText);
  return answer.ok ? (await answer.json()).status : "ended";
}
async function ask() {
  // A failed request counts as waiting. It may fail before or within the answer.
  const found = await status().catch(() => "");
  pause = found ? OFTEN : Math.min(2 * pause, SELDOM);
  // The visitor may have pressed a button meanwhile. Then another page is loading, and this login may have ended.
  if (leaving) return;
  if (!found || found === "waiting") setTimeout(ask, pause);
  // `/login` redirects a visitor who is logged in.
  else location.assign(found === "accepted" ? "/login" : "/login/device");
}
// A form with a target opens another window, so this page stays.
addEventListener("submit", (event) => { if (!event.target.target) leaving = true; });
if (form) setTimeout(ask, pause);
