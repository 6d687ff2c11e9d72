// Presses the card's keys without loading the page anew, and shows the card going off by itself. Without it, each key loads the page.
"use strict";
const keys = document.querySelector("form.keys");
const picture = document.querySelector(".card img");
const display = document.querySelector(".card output");
function show(text) {
  if (display.textContent === text) return;
  display.textContent = text;
  picture.alt = text;
  picture.src = "/card.svg?" + Date.now();
}
async function send(key) {
  const body = new URLSearchParams({ csrf: keys.elements.csrf.value, key: key });
  const answer = await fetch("/card/press", { method: "POST", body: body, headers: { accept: "application/json" } });
  if (answer.ok) show((await answer.json()).display);
}
// One after another: on several connections, keys could overtake each other.
let sent = Promise.resolve();
function press(key) {
  sent = sent.then(() => send(key)).catch(() => {});
}
async function look() {
  const answer = await fetch("/card.json");
  if (answer.ok) show((await answer.json()).display);
}
if (keys) {
  keys.addEventListener("submit", (event) => { event.preventDefault(); press(event.submitter.value); });
  setInterval(look, 1000);
}
