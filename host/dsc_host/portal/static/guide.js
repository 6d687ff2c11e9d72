// Begin a page of a story at its top, where the story says what to do: the focus in a field may have moved the page.
"use strict";
if (!document.querySelector(".error")) addEventListener("load", () => requestAnimationFrame(() => scrollTo(0, 0)));
