// Begin a page of a story at its top, where the story says what to do: the focus in a field may have moved the page.
"use strict";
// The window of the phone shows only the phone: whatever replaces it there must not be replaced by the phone in its turn.
if (window.name === "phone" && !/^\/phone(\/|$)/.test(location.pathname)) window.name = "";
if (!document.querySelector(".error")) addEventListener("load", () => requestAnimationFrame(() => scrollTo(0, 0)));
