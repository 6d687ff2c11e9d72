// Print the page. Without this script there is no such button, and the menu of the browser prints.
"use strict";
for (const place of document.querySelectorAll(".print")) {
  place.hidden = false;
  place.querySelector("button").addEventListener("click", () => window.print());
}
