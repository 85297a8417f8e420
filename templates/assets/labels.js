// The page of labels: one photo at a time, answers by keys or buttons, kept in this browser and saved as a file.
(function () {
  "use strict";
  // Where all pages are in one file, ids carry the page's name.
  var prefix = window.reportgenPrefix ? window.reportgenPrefix + "labels.html!" : "";

  function part(id) {
    return document.getElementById(prefix + id);
  }

  var box = part("judge");
  if (!box) return;
  var cases = Array.prototype.slice.call(box.querySelectorAll(".judge-cases > li"));
  var links = Array.prototype.slice.call(box.querySelectorAll(".judge-list a"));
  var choices = Array.prototype.slice.call(box.querySelectorAll("[data-class]"));
  var classes = choices.map(function (button) { return button.dataset.class; });
  var files = cases.map(function (item) { return item.dataset.file; });
  var note = part("judge-note"), who = part("judge-who"), plain = part("judge-plain"), status = part("judge-status");
  var KEY = "reportgen-labels-" + box.dataset.key;
  var kept = true;
  // Answers and skipped photos by file, so that they outlive a new build; `done` holds what undo takes back.
  var state = { who: "", answers: {}, skipped: {}, done: [], at: 0 };

  function recall() {
    try {
      var text = window.localStorage.getItem(KEY);
      if (!text) return;
      var found = JSON.parse(text);
      ["answers", "skipped"].forEach(function (name) {
        if (found[name] && typeof found[name] === "object") state[name] = found[name];
      });
      if (Array.isArray(found.done)) state.done = found.done;
      if (typeof found.who === "string") state.who = found.who;
      if (found.at >= 0 && found.at < cases.length) state.at = Math.floor(found.at);
    } catch (error) {
      kept = false;
    }
  }

  function keep() {
    try {
      window.localStorage.setItem(KEY, JSON.stringify(state));
      kept = true;
    } catch (error) {
      kept = false;
    }
    warn();
  }

  function warn() {
    var warning = part("judge-warning");
    warning.hidden = kept;
    warning.textContent = kept ? "" : "This browser keeps nothing for this page. Your answers stay until you close or reload it: save labels.csv before.";
  }

  function has(table, file) {
    return Object.prototype.hasOwnProperty.call(table, file);
  }

  function judged() {
    return files.filter(function (file) { return has(state.answers, file); }).length;
  }

  function open(place) {
    return !has(state.answers, files[place]) && !has(state.skipped, files[place]);
  }

  // The next photo without an answer, from here on and then from the start; else the next one.
  function following() {
    for (var step = 1; step <= cases.length; step += 1) {
      var place = (state.at + step) % cases.length;
      if (open(place)) return place;
    }
    return Math.min(state.at + 1, cases.length - 1);
  }

  function said(file) {
    if (has(state.answers, file)) return "Your answer: " + state.answers[file].new + ".";
    return has(state.skipped, file) ? "Skipped." : "";
  }

  function draw(told) {
    var file = files[state.at], n = judged();
    cases.forEach(function (item, place) { item.hidden = place !== state.at; });
    var next = cases[(state.at + 1) % cases.length].querySelector("img");
    if (next) next.loading = "eager";
    choices.forEach(function (button) {
      var on = has(state.answers, file) && state.answers[file].new === button.dataset.class;
      button.setAttribute("aria-pressed", on ? "true" : "false");
    });
    note.value = has(state.answers, file) ? state.answers[file].note : "";
    part("judge-said").textContent = said(file);
    links.forEach(function (link, place) {
      if (place === state.at) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      link.lastElementChild.textContent = has(state.answers, files[place]) ? "✓ judged" : has(state.skipped, files[place]) ? "skipped" : "";
    });
    part("judge-bar").value = n;
    part("judge-count").textContent = n + " of " + cases.length + " judged" + (n === cases.length ? ": all done, save labels.csv" : "");
    var photo = "Photo " + (state.at + 1) + " of " + cases.length + ".";
    status.textContent = [told, photo, said(file), n === cases.length ? "All are judged." : ""].filter(Boolean).join(" ");
  }

  function answer(name) {
    var file = files[state.at], before = has(state.answers, file) ? state.answers[file] : null;
    var written = note.value.trim();
    state.done.push({ file: file, answer: before, skipped: has(state.skipped, file) });
    state.answers[file] = { old: cases[state.at].dataset.old, new: name, when: new Date().toISOString(), note: written };
    delete state.skipped[file];
    move(following(), "Saved as " + name + ".");
  }

  function skip() {
    var file = files[state.at];
    state.done.push({ file: file, answer: has(state.answers, file) ? state.answers[file] : null, skipped: has(state.skipped, file) });
    delete state.answers[file];
    state.skipped[file] = true;
    move(following(), "Skipped.");
  }

  function undo() {
    var last = state.done.pop();
    if (!last) {
      status.textContent = "There is nothing to undo.";
      return;
    }
    delete state.answers[last.file];
    delete state.skipped[last.file];
    if (last.answer) state.answers[last.file] = last.answer;
    if (last.skipped) state.skipped[last.file] = true;
    var place = files.indexOf(last.file);
    move(place < 0 ? state.at : place, "Undone.");
  }

  function move(place, told) {
    state.at = Math.max(0, Math.min(cases.length - 1, place));
    keep();
    draw(told);
  }

  function jump(place) {
    move(place, "");
    var head = cases[place].querySelector("h3");
    head.focus({ preventScroll: true });
    head.scrollIntoView({ block: "nearest" });
  }

  // A link to one photo, as from a mail.
  function addressed() {
    var found = /^photo-(\d+)$/.exec(decodeURIComponent(window.location.hash.slice(1)).replace(prefix, ""));
    return found && Number(found[1]) <= cases.length && Number(found[1]) > 0 ? Number(found[1]) - 1 : -1;
  }

  function tell() {
    var details = cases[state.at].querySelector("details");
    details.open = !details.open;
    status.textContent = details.open ? details.textContent.replace(/\s+/g, " ").trim() : "Hidden.";
  }

  function save() {
    var rows = Object.keys(state.answers).sort().map(function (file) {
      var one = state.answers[file];
      return [file, one.old, one.new, state.who, one.when, one.note];
    });
    window.reportgenSave("labels.csv", [["file", "old", "new", "who", "when", "note"]].concat(rows));
    status.textContent = "labels.csv with " + rows.length + " answers.";
  }

  var MOVES = {
    skip: skip,
    undo: undo,
    told: tell,
    back: function () { move(state.at - 1, ""); },
    on: function () { move(state.at + 1, ""); }
  };
  var KEYS = { s: "skip", u: "undo", p: "told", ArrowLeft: "back", ArrowRight: "on" };

  box.addEventListener("click", function (event) {
    var link = event.target.closest(".judge-list a");
    if (link) {
      // The photo is on this page, and all but one are hidden: no address is needed.
      event.preventDefault();
      jump(Number(link.dataset.photo));
      return;
    }
    var button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.class !== undefined) answer(button.dataset.class);
    else if (button.dataset.move) MOVES[button.dataset.move]();
    else if (button === part("judge-save")) save();
  });

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !plain.checked || box.offsetParent === null) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea")) {
      if (event.key === "Escape" || event.key === "Enter") event.target.blur();
      return;
    }
    var digit = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
    if (digit >= 0 && digit < classes.length) answer(classes[digit]);
    else if (Object.prototype.hasOwnProperty.call(KEYS, event.key)) MOVES[KEYS[event.key]]();
    else if (event.key === "n") note.focus();
    else if (event.key === "d") save();
    else return;
    event.preventDefault();
  });

  note.addEventListener("change", function () {
    var file = files[state.at];
    if (!has(state.answers, file)) return; // it is kept with the answer
    state.answers[file].note = note.value.trim();
    keep();
  });
  who.addEventListener("change", function () {
    state.who = who.value.trim();
    keep();
  });
  // The same page in another tab.
  window.addEventListener("storage", function (event) {
    if (event.key !== KEY) return;
    var at = state.at;
    recall();
    state.at = at;
    draw("");
  });

  recall();
  who.value = state.who;
  part("judge-tools").hidden = false;
  part("judge-keys").hidden = false;
  box.classList.add("running");
  keep();
  if (!open(state.at)) state.at = following();
  draw("");
  if (addressed() >= 0) jump(addressed());
  window.addEventListener("hashchange", function () {
    if (addressed() >= 0) jump(addressed());
  });
})();
