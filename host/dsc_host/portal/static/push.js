// Asks every two seconds whether the login was approved on the phone. Without it, the button on the page asks.
"use strict";
const form = document.querySelector("form[action='/login/answer']");
async function ask() {
  const answer = await fetch("/login/pushed", { method: "POST", body: new URLSearchParams({ csrf: form.elements.csrf.value }) });
  const status = answer.ok ? (await answer.json()).status : "ended";
  if (status === "waiting") setTimeout(ask, 2000);
  else location.assign(status === "accepted" ? "/" : "/login/device");
}
if (form) setTimeout(ask, 2000);
