"use strict";
// Keys for what the page already offers as links: [data-key] names the keys of a link or field.
(function () {
  var help = document.getElementById("keys");
  var button = document.getElementById("keys-button");
  var row = -1;

  function toggleHelp() {
    help.hidden = !help.hidden;
    button.setAttribute("aria-expanded", String(!help.hidden));
  }

  function moveRow(by) {
    var rows = Array.from(document.querySelectorAll("[data-row]"));
    if (!rows.length) return false;
    row = Math.max(0, Math.min(rows.length - 1, row + by));
    rows.forEach(function (each, number) { each.classList.toggle("at", number === row); });
    var link = rows[row].matches("a") ? rows[row] : rows[row].querySelector("a");
    link.focus();
    rows[row].scrollIntoView({ block: "nearest" });
    return true;
  }

  function nextFinding() {
    var found = Array.from(document.querySelectorAll(".chat .finding"));
    if (!found.length) {
      var link = document.querySelector("[data-finding]");
      if (link) link.click();
      return;
    }
    var here = found.findIndex(function (each) { return "#" + each.id === location.hash; });
    location.hash = found[(here + 1) % found.length].id;
  }

  function foldAll() {
    var calls = Array.from(document.querySelectorAll("details.call, details.output"));
    var open = !calls.some(function (each) { return each.open; });
    calls.forEach(function (each) { each.open = open; });
  }

  // A step keeps the place on the page: the history beside it stays where it was.
  function withPlace(link) {
    try { sessionStorage.setItem("place", String(window.scrollY)); } catch (error) { /* private windows have none */ }
    link.click();
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    var field = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") {
      if (field) event.target.blur();
      if (!help.hidden) toggleHelp();
      return;
    }
    if (field) return;
    var wanted = document.querySelector('[data-key~="' + CSS.escape(event.key) + '"]');
    if (wanted) {
      event.preventDefault();
      if (wanted.tagName === "INPUT") wanted.focus();
      else if (/Arrow|^[jk]$/.test(event.key)) withPlace(wanted);
      else wanted.click();
    } else if (event.key === "?") toggleHelp();
    else if (event.key === "j") moveRow(1);
    else if (event.key === "k") moveRow(-1);
    else if (event.key === "g") nextFinding();
    else if (event.key === "o") foldAll();
  });

  // What is left open is no part of an address.
  document.querySelectorAll("form.filters").forEach(function (form) {
    form.addEventListener("submit", function () {
      Array.from(form.elements).forEach(function (each) {
        if (each.name && (each.value === "" || (each.name === "order" && each.value === "id"))) each.disabled = true;
      });
    });
  });

  if (button) button.addEventListener("click", toggleHelp);
  try {
    var place = sessionStorage.getItem("place");
    sessionStorage.removeItem("place");
    if (place !== null && !location.hash) window.scrollTo(0, Number(place));
  } catch (error) { /* private windows have none */ }
})();
