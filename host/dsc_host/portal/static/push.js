// Ask every two seconds whether the login was approved on the phone. Without this script, the button on the page asks.
"use strict";
const form = document.querySelector("form[action='/login/answer']");
let leaving = false;
async function ask() {
  const answer = await fetch("/login/pushed", { method: "POST", body: new URLSearchParams({ csrf: form.elements.csrf.value }) });
  const status = answer.ok ? (await answer.json()).status : "ended";
  // A button that was pressed meanwhile loads another page, and may have ended the login that this request asked about.
  if (leaving) return;
  if (status === "waiting") setTimeout(ask, 2000);
  // The first page of the login leads on whoever is logged in.
  else location.assign(status === "accepted" ? "/login" : "/login/device");
}
addEventListener("submit", () => { leaving = true; });
if (form) setTimeout(ask, 2000);
