// Ask every two seconds whether the login was approved on the phone. Without this script, the button on the page asks.
"use strict";
const form = document.querySelector("form[action='/login/answer']");
let leaving = false;
async function ask() {
  const sent = { method: "POST", body: new URLSearchParams({ csrf: form.elements.csrf.value }) };
  const answer = await fetch("/login/pushed", sent).catch(() => null);
  // Without a network for a while, ask again.
  const status = !answer ? "waiting" : answer.ok ? (await answer.json()).status : "ended";
  // A button that was pressed meanwhile loads another page, and may have ended the login that this request asked about.
  if (leaving) return;
  if (status === "waiting") setTimeout(ask, 2000);
  // The first page of the login leads on whoever is logged in.
  else location.assign(status === "accepted" ? "/login" : "/login/device");
}
// A form that opens another window leaves this page as it is.
addEventListener("submit", (event) => { if (!event.target.target) leaving = true; });
if (form) setTimeout(ask, 2000);
