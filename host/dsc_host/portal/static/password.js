// Let the visitor see the password. Without this script, there is no such button.
"use strict";
for (const button of document.querySelectorAll("button.reveal")) {
  const field = document.getElementById(button.getAttribute("aria-controls"));
  const show = (visible) => {
    field.type = visible ? "text" : "password";
    button.setAttribute("aria-pressed", String(visible));
  };
  button.hidden = false;
  button.addEventListener("click", () => show(field.type === "password"));
  // Browsers remember what is in a text field, so a password is sent from a password field only.
  field.form.addEventListener("submit", () => show(false));
}
