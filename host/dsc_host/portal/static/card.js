// Press the card's keys without loading a page, and show when the card switches off. Without this script, each key loads the card's page.
"use strict";
const keys = document.querySelector("form.keys");
const picture = document.querySelector(".card img");
const display = document.querySelector(".card output");
function show(text) {
  if (display.textContent === text) return;
  display.textContent = text;
  picture.alt = text;
  picture.src = "/card.svg?" + whose() + "&" + Date.now();
}
function whose() {
  return new URLSearchParams({ name: keys.elements.name.value });
}
async function send(key) {
  const body = new URLSearchParams({ csrf: keys.elements.csrf.value, name: keys.elements.name.value, key: key });
  const answer = await fetch("/card/press", { method: "POST", body: body, headers: { accept: "application/json" } });
  if (answer.ok) show((await answer.json()).display);
}
async function look() {
  const answer = await fetch("/card.json?" + whose());
  if (answer.ok) show((await answer.json()).display);
}
// Requests go one after another: on several connections, keys could overtake each other, and an old display could replace a newer one.
let asked = Promise.resolve();
function after(ask) {
  asked = asked.then(ask).catch(() => {});
}
function watch() {
  after(look);
  asked.then(() => setTimeout(watch, 1000));
}
if (keys) {
  keys.addEventListener("submit", (event) => { event.preventDefault(); const key = event.submitter.value; after(() => send(key)); });
  watch();
}
