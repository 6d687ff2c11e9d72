// Let the visitor see the passwords of a form. Without this script, there is no such box.
"use strict";
for (const choice of document.querySelectorAll(".reveal")) {
  const box = choice.querySelector("input");
  const fields = box.form.querySelectorAll("input[type=password]");
  const show = (visible) => fields.forEach((field) => { field.type = visible ? "text" : "password"; });
  choice.hidden = false;
  box.addEventListener("change", () => show(box.checked));
  // Browsers remember what is in a text field, so a password is sent from a password field only.
  box.form.addEventListener("submit", () => { box.checked = false; show(false); });
}
