// The explorer: filters every image of the report by words, keeps the view in the address, draws a page of results.
(function () {
  "use strict";
  var data = window.reportgenData;
  if (!data) return;
  var SVG = "http://www.w3.org/2000/svg";
  var PAGE = 60;
  var PLAIN = { q: "", sort: "", layer: "", class: "p", page: 0 };
  // Where all pages are in one file, ids and the address carry the page's name.
  var prefix = window.reportgenPrefix ? window.reportgenPrefix + "explorer.html!" : "";
  var total = data.ids.length;
  var classes = data.classes.length;
  var everyModel = data.models.map(function (_, m) { return m; });

  function part(id) {
    return document.getElementById(prefix + id);
  }

  function at(path) {
    return prefix && path.charAt(0) !== "#" ? "#" + window.reportgenPrefix + path : path;
  }

  var box = part("explorer"), query = part("query"), sort = part("sort"), layer = part("layer"), chosen = part("class");
  var clear = part("clear"), results = part("results"), status = part("status"), pages = part("pager");
  var names = data.names.map(function (name) { return name.toLowerCase(); });
  var state = Object.assign({}, PLAIN);
  var found = [];

  var predicted = data.models.map(function (model) { return Int16Array.from(model.predicted); });
  var labels = Int16Array.from(data.labels);
  var confidence = data.models.map(function (model, m) {
    var made = new Int16Array(total);
    for (var row = 0; row < total; row += 1) made[row] = model.probabilities[row * classes + predicted[m][row]];
    return made;
  });

  function starts(text, beginning) {
    return text.slice(0, beginning.length) === beginning;
  }

  // "cnn" means the one that is called so; where none is, all that begin so.
  function resolve(slugs, value) {
    var exact = slugs.indexOf(value);
    if (exact >= 0) return [exact];
    return slugs.reduce(function (all, slug, index) { return value && starts(slug, value) ? all.concat(index) : all; }, []);
  }

  function mask(test) {
    var made = new Uint8Array(total);
    for (var row = 0; row < total; row += 1) if (test(row)) made[row] = 1;
    return made;
  }

  function perModel(test) {
    return everyModel.map(function (m) { return mask(function (row) { return test(row, m); }); });
  }

  function isOneOf(column, allowed) {
    return mask(function (row) { return allowed.indexOf(column[row]) >= 0; });
  }

  // What each word means: {rows: a mask}, {models: a mask for each model}, {only: models} or {same: ...}.
  var READERS = {
    "true": function (value) {
      return { rows: value === "none" ? mask(function (row) { return labels[row] < 0; }) : isOneOf(labels, resolve(data.slugs, value)) };
    },
    pred: function (value) {
      var allowed = resolve(data.slugs, value);
      return { models: everyModel.map(function (m) { return isOneOf(predicted[m], allowed); }) };
    },
    model: function (value) {
      return { only: resolve(data.models.map(function (model) { return model.slug; }), value) };
    },
    conf: function (value) {
      var below = value.charAt(0) === "<";
      var limit = 1000 * parseFloat(value.replace(/^[<>]=?/, ""));
      if (isNaN(limit)) return {};
      return { models: perModel(function (row, m) { return below ? confidence[m][row] < limit : confidence[m][row] >= limit; }) };
    },
    region: function (value) {
      var allowed = data.peaks.length ? resolve(data.regions, value) : [];
      return { models: perModel(function (row, m) { return allowed.indexOf(data.peaks.length ? data.peaks[m][row] : -1) >= 0; }) };
    },
    id: function (value) {
      return { rows: mask(function (row) { return starts(data.ids[row], value); }) };
    },
    note: function (value) {
      return { rows: mask(function (row) { return data.notes[row].toLowerCase().indexOf(value) >= 0; }) };
    },
    photo: function (value) {
      var allowed = resolve(["colour", "grey"], value);
      return { rows: mask(function (row) { return allowed.indexOf(data.grey[row]) >= 0; }) };
    },
    has: function (value) {
      return { rows: mask(function (row) { return value === "page" && data.pages[row] === 1; }) };
    },
    right: function () {
      return { models: perModel(function (row, m) { return labels[row] >= 0 && predicted[m][row] === labels[row]; }) };
    },
    wrong: function () {
      return { models: perModel(function (row, m) { return labels[row] >= 0 && predicted[m][row] !== labels[row]; }) };
    },
    agree: function () { return { same: true }; },
    differ: function () { return { same: false }; }
  };
  data.sets.forEach(function (set) {
    READERS[set.kind] = function (value) {
      var bits = resolve(set.slugs, value).reduce(function (all, index) { return all | (1 << index); }, 0);
      return { models: perModel(function (row, m) { return (set.bits[m][row] & bits) !== 0; }) };
    };
  });
  var BARE = ["right", "wrong", "agree", "differ"];

  var known = new Map();

  function read(raw) {
    var meaning = known.get(raw);
    if (meaning) return meaning;
    var not = raw.charAt(0) === "-" && raw.length > 1;
    var word = (not ? raw.slice(1) : raw).toLowerCase();
    var cut = word.indexOf(":");
    var key = cut < 0 ? word : word.slice(0, cut);
    if (Object.prototype.hasOwnProperty.call(READERS, key) && (cut >= 0) === (BARE.indexOf(key) < 0)) {
      meaning = READERS[key](word.slice(cut + 1));
    } else {
      meaning = { rows: mask(function (row) { return names[row].indexOf(word) >= 0; }) };
    }
    if (not) {
      if (meaning.rows) meaning = { rows: meaning.rows.map(function (bit) { return 1 - bit; }) };
      else if (meaning.models) meaning = { models: meaning.models.map(function (one) { return one.map(function (bit) { return 1 - bit; }); }) };
      else if (meaning.only) meaning = { only: everyModel.filter(function (m) { return meaning.only.indexOf(m) < 0; }) };
      else if (meaning.same !== undefined) meaning = { same: !meaning.same };
    }
    // Somebody who types leaves every beginning of a word behind.
    if (known.size > 200) known.clear();
    known.set(raw, meaning);
    return meaning;
  }

  function both(a, b) {
    if (!a) return b;
    var made = new Uint8Array(total);
    for (var row = 0; row < total; row += 1) made[row] = a[row] & b[row];
    return made;
  }

  // A word about answers must hold for one and the same model: pred:fear wrong means "one model predicts fear, wrongly".
  function combine(words) {
    var view = { rows: null, models: null, allowed: everyModel, same: null };
    words.forEach(function (word) { view = narrow(view, read(word)); });
    return view;
  }

  function narrow(view, meaning) {
    var made = Object.assign({}, view);
    if (meaning.rows) made.rows = both(view.rows, meaning.rows);
    if (meaning.models) made.models = everyModel.map(function (m) { return both(view.models && view.models[m], meaning.models[m]); });
    if (meaning.only) made.allowed = view.allowed.filter(function (m) { return meaning.only.indexOf(m) >= 0; });
    if (meaning.same !== undefined) made.same = view.same === null || view.same === meaning.same ? meaning.same : "never";
    return made;
  }

  function settle(view) {
    var made = view.rows || new Uint8Array(total).fill(1);
    var models = view.allowed;
    if (view.models || (everyModel.length && !models.length)) {
      var any = new Uint8Array(total);
      models.forEach(function (m) {
        var one = view.models ? view.models[m] : null;
        for (var row = 0; row < total; row += 1) any[row] |= one ? one[row] : 1;
      });
      made = both(made, any);
    }
    if (view.same !== null) {
      made = both(made, mask(function (row) {
        if (!models.length || view.same === "never") return false;
        return models.every(function (m) { return predicted[m][row] === predicted[models[0]][row]; }) === view.same;
      }));
    }
    return made;
  }

  function split(text) {
    return text.trim().split(/\s+/).filter(Boolean);
  }

  function order(rows, allowed) {
    if (state.sort === "name") {
      rows.sort(function (a, b) { return names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : a - b; });
    } else if (state.sort) {
      var sign = state.sort === "sure" ? -1 : 1;
      var key = new Int16Array(total);
      rows.forEach(function (row) {
        key[row] = Math.max.apply(null, allowed.map(function (m) { return confidence[m][row]; }));
      });
      rows.sort(function (a, b) { return sign * (key[a] - key[b]) || a - b; });
    }
    return rows;
  }

  function cellOf(sheet, size, x, y, width, height, name) {
    var svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", name);
    svg.setAttribute("viewBox", [x, y, width, height].join(" "));
    svg.setAttribute("preserveAspectRatio", "none");
    var image = document.createElementNS(SVG, sheet.charAt(0) === "#" ? "use" : "image");
    image.setAttribute("href", sheet);
    image.setAttribute("width", size[0]);
    image.setAttribute("height", size[1]);
    svg.appendChild(image);
    return svg;
  }

  function face(row) {
    var sheet = Math.floor(row / data.cells), cell = row % data.cells, side = data.thumb;
    var columns = Math.min(data.columns, data.sizes[sheet][0] / side);
    var svg = cellOf(data.sheets[sheet], data.sizes[sheet], (cell % columns) * side, Math.floor(cell / columns) * side, side, side, "thumb");
    svg.setAttribute("role", "img");
    return svg;
  }

  function heat(row, m) {
    var model = data.models[m], view = model.view;
    var c = state.class === "p" ? model.predicted[row] : state.class === "t" ? data.labels[row] : Number(state.class);
    if (!(c >= 0)) return null;
    var sheet = Math.floor(row / data.cells), cell = row % data.cells;
    var svg = cellOf(model.sheets[sheet], model.sizes[sheet], c * view[0] + view[2], cell * view[1] + view[3], view[4], view[5], "thumb over");
    svg.setAttribute("aria-hidden", "true");
    return { svg: svg, text: model.method + " map of " + model.name + " for " + data.classes[c] };
  }

  function element(tag, name, text) {
    var made = document.createElement(tag);
    if (name) made.className = name;
    if (text) made.textContent = text;
    return made;
  }

  var marks = {};
  Array.prototype.forEach.call(part("static").querySelectorAll(".answer .mark"), function (mark) {
    var series = mark.getAttribute("class").replace("mark", "").trim();
    if (!marks[series]) marks[series] = mark;
  });

  function percent(value) {
    return value >= 990 ? ">\u202f99\u202f%" : value < 10 ? "<\u202f1\u202f%" : Math.round(value / 10) + "\u202f%";
  }

  function truth(row) {
    return data.labels[row] < 0 ? "no label" : data.classes[data.labels[row]];
  }

  function flagsOf(row, m) {
    var set = data.sets.filter(function (one) { return one.kind === "flag"; })[0];
    return set ? set.names.filter(function (_, index) { return set.bits[m][row] & (1 << index); }) : [];
  }

  function answer(row, m) {
    var model = data.models[m], c = model.predicted[row];
    var labelled = data.labels[row] >= 0, right = c === data.labels[row];
    var line = element("span", "answer " + (!labelled ? "unknown" : right ? "right" : "wrong"));
    if (marks[model.series]) line.appendChild(marks[model.series].cloneNode(true));
    line.appendChild(element("span", "who", model.name + ":"));
    line.appendChild(document.createTextNode(" "));
    line.appendChild(element("b", "", data.classes[c]));
    line.appendChild(document.createTextNode(" "));
    line.appendChild(element("span", "p", percent(confidence[m][row])));
    if (labelled) {
      var sign = element("span", "sign", right ? "✓" : "✕");
      sign.setAttribute("role", "img");
      sign.setAttribute("aria-label", right ? "right" : "wrong");
      line.appendChild(document.createTextNode(" "));
      line.appendChild(sign);
    }
    return line;
  }

  // Why this model's answer is wrong, below that answer and with the model's mark.
  function flagged(m, flags) {
    var model = data.models[m], line = element("small", "flags");
    if (data.models.length > 1) {
      if (marks[model.series]) line.appendChild(marks[model.series].cloneNode(true));
      line.appendChild(element("span", "who", model.name + ":"));
      line.appendChild(document.createTextNode(" "));
    }
    line.appendChild(document.createTextNode("⚑ " + flags.join(", ")));
    return line;
  }

  function card(row) {
    var item = element("li");
    item.tabIndex = -1;
    item.setAttribute("data-step", "");
    var holder = element(data.pages[row] ? "a" : "span", "face");
    if (data.pages[row]) holder.href = at("images/" + data.ids[row] + ".html");
    var picture = face(row);
    var label = "Image " + data.ids[row] + ", labelled " + truth(row);
    holder.appendChild(picture);
    if (state.layer) {
      holder.classList.add("stacked");
      var over = heat(row, Number(state.layer) - 1);
      if (over) {
        holder.appendChild(over.svg);
        label += ", with " + over.text;
      }
    }
    picture.setAttribute("aria-label", label);
    item.appendChild(holder);
    item.appendChild(element("span", "true", truth(row)));
    everyModel.forEach(function (m) {
      item.appendChild(answer(row, m));
      var flags = flagsOf(row, m);
      if (flags.length) item.appendChild(flagged(m, flags));
    });
    var name = data.names[row];
    item.appendChild(element("small", "", name.length > 26 ? name.slice(0, 12) + "…" + name.slice(-12) : name));
    return item;
  }

  // Words that exclude each other: one label, one answer, one place, right or wrong.
  function rivals(token) {
    if (token === "right" || token === "wrong") return function (word) { return word === "right" || word === "wrong"; };
    if (token === "agree" || token === "differ") return function (word) { return word === "agree" || word === "differ"; };
    var key = token.slice(0, token.indexOf(":") + 1);
    return function (word) { return starts(word, key); };
  }

  function flip(token) {
    var words = split(state.q);
    var isRival = rivals(token);
    var rest = words.filter(function (word) { return !isRival(word); });
    if (words.indexOf(token) < 0) rest.push(token);
    state.q = rest.join(" ");
    state.page = 0;
    query.value = state.q;
    update(true);
  }

  function groups() {
    var shown = [
      ["label", data.slugs.map(function (slug, c) { return ["true:" + slug, data.classes[c]]; })],
      ["prediction", data.slugs.map(function (slug, c) { return ["pred:" + slug, data.classes[c]]; })],
      ["outcome", [["right", "correct"], ["wrong", "wrong"]].concat(data.models.length > 1 ? [["agree", "models agree"], ["differ", "models differ"]] : [])],
      ["confidence", [["conf:>0.9", "90 % and more"], ["conf:<0.5", "less than 50 %"]]]
    ];
    if (data.models.length > 1) shown.push(["whose prediction", data.models.map(function (model) { return ["model:" + model.slug, model.name]; })]);
    if (data.peaks.length) shown.push(["peak on", data.regions.filter(function (name) { return name !== "face"; }).map(function (name) { return ["region:" + name, name.replace("+", " + ")]; })]);
    data.sets.forEach(function (set) {
      shown.push([set.title, set.slugs.map(function (slug, index) { return [set.kind + ":" + slug, set.names[index]]; })]);
    });
    // Of a set of one kind there is nothing to choose.
    if (data.grey.indexOf(1) >= 0 && data.grey.indexOf(0) >= 0) shown.push(["photo", [["photo:grey", "grey"], ["photo:colour", "in colour"]]]);
    shown.push(["pictures", [["has:page", "in full size"]]]);
    return shown;
  }

  var buttons = [];

  function buildFacets() {
    var holder = part("facets"), more = part("more-facets");
    groups().forEach(function (group, index) {
      var field = element("div", "facet");
      field.setAttribute("role", "group");
      field.setAttribute("aria-label", group[0]);
      field.appendChild(element("span", "name", group[0]));
      group[1].forEach(function (entry) {
        var button = element("button", "", entry[1] + " "), count = element("small");
        button.type = "button";
        button.dataset.token = entry[0];
        button.appendChild(count);
        button.addEventListener("click", function () { flip(entry[0]); });
        field.appendChild(button);
        buttons.push({ button: button, count: count, token: entry[0], isRival: rivals(entry[0]) });
      });
      (index < 5 ? holder : more).appendChild(field);
    });
  }

  // Beside each choice what one would see after it, other choices of the same kind apart.
  function countFacets() {
    var words = split(state.q), views = new Map();
    var asked = combine(words).allowed;
    // A choice about answers counts an image as soon as one model matches, so correct and wrong may add up to more than all.
    part("counted").textContent = data.models.length < 2 ? "" : asked.length === 1
      ? "Counts are of images whose prediction by " + data.models[asked[0]].name + " matches."
      : "Counts are of images where the prediction of at least one model matches: one that is correct for one model and wrong for another is in both.";
    buttons.forEach(function (one) {
      var rest = words.filter(function (word) { return !one.isRival(word); });
      var key = rest.join(" ");
      if (!views.has(key)) views.set(key, combine(rest));
      var bits = settle(narrow(views.get(key), read(one.token))), n = 0;
      for (var row = 0; row < total; row += 1) n += bits[row];
      one.count.textContent = n.toLocaleString("en-GB");
      one.button.setAttribute("aria-pressed", words.indexOf(one.token) >= 0 ? "true" : "false");
      one.button.classList.toggle("none", n === 0);
    });
  }

  function turn(text, page, name) {
    var button = element("button", "", text);
    button.type = "button";
    if (name) {
      button.dataset.turn = name;
      button.disabled = page < 0 || page >= Math.ceil(found.length / PAGE);
    } else button.setAttribute("aria-label", "Page " + (page + 1));
    if (page === state.page) button.setAttribute("aria-current", "page");
    button.addEventListener("click", function () {
      state.page = page;
      draw();
      remember(true);
      box.scrollIntoView();
      // The button is gone with its page; keys go on from the new results.
      status.focus({ preventScroll: true });
    });
    return button;
  }

  function pager() {
    var count = Math.ceil(found.length / PAGE), last = -1;
    pages.textContent = "";
    if (count < 2) return;
    pages.appendChild(turn("‹ Previous", state.page - 1, "prev"));
    for (var i = 0; i < count; i += 1) {
      if (i > 0 && i < count - 1 && Math.abs(i - state.page) > 2) continue;
      if (i > last + 1) pages.appendChild(element("span", "", "…"));
      last = i;
      pages.appendChild(turn(String(i + 1), i, ""));
    }
    pages.appendChild(turn("Next ›", state.page + 1, "next"));
  }

  function draw() {
    var first = state.page * PAGE;
    var page = found.slice(first, first + PAGE);
    var shelf = document.createDocumentFragment();
    page.forEach(function (row) { shelf.appendChild(card(row)); });
    results.textContent = "";
    results.appendChild(shelf);
    status.textContent = found.length
      ? found.length.toLocaleString("en-GB") + (found.length === 1 ? " image" : " images") + (found.length > PAGE ? ", showing " + (first + 1).toLocaleString("en-GB") + " to " + (first + page.length).toLocaleString("en-GB") : "")
      : "No matches. Remove a filter.";
    pager();
  }

  function remember(push) {
    var parts = [];
    if (state.q) parts.push(encodeURIComponent(state.q).replace(/%3A/g, ":").replace(/%3E/g, ">"));
    ["sort", "layer", "class", "page"].forEach(function (key) {
      if (state[key] !== PLAIN[key]) parts.push(key + "=" + state[key]);
    });
    var hash = "#" + (parts.length ? prefix : prefix.slice(0, -1)) + parts.join("&");
    if (hash === (window.location.hash || "#")) return;
    try {
      window.history[push ? "pushState" : "replaceState"](null, "", hash);
    } catch (error) {
      window.location.hash = hash;
    }
  }

  function recall() {
    state = Object.assign({}, PLAIN);
    var hash = window.location.hash.slice(1);
    if (prefix) hash = starts(hash, prefix) ? hash.slice(prefix.length) : "";
    hash.split("&").forEach(function (piece) {
      var cut = piece.indexOf("="), key = cut < 0 ? "" : piece.slice(0, cut), value = piece.slice(cut + 1);
      if (key === "page") state.page = Math.max(0, parseInt(value, 10) || 0);
      else if (key && Object.prototype.hasOwnProperty.call(PLAIN, key)) state[key] = value;
      else {
        try {
          state.q = decodeURIComponent(piece);
        } catch (error) {
          state.q = piece;
        }
      }
    });
    query.value = state.q;
    sort.value = state.sort;
    layer.value = state.layer;
    chosen.value = state.class;
    // What the address says but no menu offers is not kept.
    state.sort = sort.value;
    state.layer = layer.value;
    state.class = chosen.value || "p";
  }

  function here() {
    return !prefix || starts(window.location.hash.slice(1) + "!", prefix);
  }

  function update(push) {
    var view = combine(split(state.q)), bits = settle(view), rows = [];
    for (var row = 0; row < total; row += 1) if (bits[row]) rows.push(row);
    found = order(rows, view.allowed.length ? view.allowed : everyModel);
    state.page = Math.min(state.page, Math.max(0, Math.ceil(found.length / PAGE) - 1));
    clear.hidden = !state.q;
    countFacets();
    draw();
    if (push !== null) remember(push);
  }

  function cellText(value) {
    var text = String(value);
    // Spreadsheets run cells that begin like a formula.
    if (/^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function csv() {
    var head = ["image_id", "file", "label"];
    var flagged = data.sets.some(function (set) { return set.kind === "flag"; });
    data.models.forEach(function (model) {
      head.push(model.slug + "_predicted", model.slug + "_confidence", model.slug + "_correct");
      if (data.peaks.length) head.push(model.slug + "_peak");
      if (flagged) head.push(model.slug + "_flags");
    });
    var lines = [head.map(cellText).join(",")];
    found.forEach(function (row) {
      var cells = [data.ids[row], data.names[row], data.labels[row] < 0 ? "" : truth(row)];
      data.models.forEach(function (model, m) {
        cells.push(data.classes[model.predicted[row]], confidence[m][row] / 1000, data.labels[row] < 0 ? "" : predicted[m][row] === labels[row] ? 1 : 0);
        if (data.peaks.length) cells.push(data.peaks[m][row] < 0 ? "" : data.regions[data.peaks[m][row]]);
        if (flagged) cells.push(flagsOf(row, m).join("; "));
      });
      lines.push(cells.map(cellText).join(","));
    });
    var text = lines.join("\n") + "\n";
    var link = element("a");
    var made = window.Blob && window.URL && URL.createObjectURL ? URL.createObjectURL(new Blob([text], { type: "text/csv" })) : "";
    link.href = made || "data:text/csv;charset=utf-8," + encodeURIComponent(text);
    link.download = ("images " + state.q).replace(/[^a-z0-9.]+/gi, "-").replace(/-+$/, "").slice(0, 80) + ".csv";
    link.click();
    if (made) window.setTimeout(function () { URL.revokeObjectURL(made); }, 1000);
  }

  layer.appendChild(new Option("the face", ""));
  data.models.forEach(function (model, m) { layer.appendChild(new Option("heat of " + model.name, String(m + 1))); });
  buildFacets();
  var waiting = 0;
  query.addEventListener("input", function () {
    // Fast enough for every key; what is typed within one frame is drawn once.
    window.cancelAnimationFrame(waiting);
    waiting = window.requestAnimationFrame(function () {
      state.q = query.value.trim();
      state.page = 0;
      update(false);
    });
  });
  query.form.addEventListener("submit", function (event) { event.preventDefault(); });
  query.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    if (query.value) {
      event.preventDefault();
      empty();
    } else query.blur();
  });
  function empty() {
    state.q = query.value = "";
    state.page = 0;
    update(true);
    query.focus();
  }
  clear.addEventListener("click", empty);
  sort.addEventListener("change", function () { state.sort = sort.value; state.page = 0; update(true); });
  layer.addEventListener("change", function () { state.layer = layer.value; draw(); remember(true); });
  chosen.addEventListener("change", function () {
    state.class = chosen.value;
    // Asking for a class's map means wanting to see one.
    if (!state.layer && data.models.length) layer.value = state.layer = "1";
    draw();
    remember(true);
  });
  part("csv").addEventListener("click", csv);
  window.addEventListener("hashchange", function () { if (here()) { recall(); update(null); } });
  window.addEventListener("popstate", function () { if (here()) { recall(); update(null); } });

  // On a phone the photos come first.
  if (window.matchMedia("(max-width: 640px)").matches) part("choices").open = false;
  box.hidden = false;
  part("static").hidden = true;
  // The static pages' neighbours have nothing to do with the results.
  var neighbours = box.closest("main, article").querySelector(".turn");
  if (neighbours) neighbours.hidden = true;
  recall();
  update(here() ? false : null);
})();
