// Ask every two seconds whether the login was approved on the phone. Without this script, the button on the page asks.
"use strict";
const form = document.querySelector("form[action='/login/answer']");
let leaving = false;
async function ask() {
  const sent = { method: "POST", body: new URLSearchParams({ csrf: form.elements.csrf.value }) };
  const answer = await fetch("/login/pushed", sent).catch(() => null);
  // A failed request, for example without a network, counts as waiting: ask again.
  const status = !answer ? "waiting" : answer.ok ? (await answer.json()).status : "ended";
  // The visitor may have pressed a button meanwhile. Then another page is loading, and this login may have ended.
  if (leaving) return;
  if (status === "waiting") setTimeout(ask, 2000);
  // `/login` redirects a visitor who is logged in.
  else location.assign(status === "accepted" ? "/login" : "/login/device");
}
// A form with a target opens another window, so this page stays.
addEventListener("submit", (event) => { if (!event.target.target) leaving = true; });
if (form) setTimeout(ask, 2000);
