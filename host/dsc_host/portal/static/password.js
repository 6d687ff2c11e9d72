// Show the passwords of a form while a box is checked. Without this script, the box stays hidden.
"use strict";
for (const choice of document.querySelectorAll(".reveal")) {
  const box = choice.querySelector("input");
  const fields = box.form.querySelectorAll("input[type=password]");
  const show = (visible) => fields.forEach((field) => { field.type = visible ? "text" : "password"; });
  choice.hidden = false;
  box.addEventListener("change", () => show(box.checked));
  // Browsers remember the content of text fields. So make these fields password fields again before the form is sent.
  box.form.addEventListener("submit", () => { box.checked = false; show(false); });
}
