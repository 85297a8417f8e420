// The explorer: filters every image of the report by tokens, keeps the view in the address, draws a page of results.
(function () {
  "use strict";
  var data = window.reportgenData;
  if (!data) return;
  var SVG = "http://www.w3.org/2000/svg";
  var PAGE = 60;
  var total = data.ids.length;
  var classes = data.classes.length;
  var box = document.getElementById("explorer");
  var query = document.getElementById("query");
  var sort = document.getElementById("sort");
  var layer = document.getElementById("layer");
  var chosen = document.getElementById("class");
  var names = data.names.map(function (name) { return name.toLowerCase(); });
  var state = { q: "", sort: "", layer: "", class: "p", page: 0 };
  var found = [];

  function probability(model, row, c) {
    return data.models[model].probabilities[row * classes + c];
  }

  function confidence(model, row) {
    return probability(model, row, data.models[model].predicted[row]);
  }

  function slugOf(label) {
    return label < 0 ? "none" : data.slugs[label];
  }

  function starts(text, part) {
    return text.slice(0, part.length) === part;
  }

  // Each token becomes a test of one row; those that speak of "a model" mean the one named by model:, else any.
  function compile(text) {
    var words = text.trim().split(/\s+/).filter(Boolean);
    var models = data.models.map(function (_, index) { return index; });
    words.forEach(function (word) {
      if (starts(word, "model:")) {
        models = models.filter(function (m) { return starts(data.models[m].slug, word.slice(6).toLowerCase()); });
      }
    });
    // A word about answers must hold for one and the same model: pred:fear wrong means "one model says fear, wrongly".
    var perRow = [], perModel = [];
    words.forEach(function (raw) {
      var not = raw.charAt(0) === "-" && raw.length > 1;
      var word = (not ? raw.slice(1) : raw).toLowerCase();
      var cut = word.indexOf(":");
      var key = cut < 0 ? word : word.slice(0, cut);
      var value = cut < 0 ? "" : word.slice(cut + 1);
      var test = null, ofModel = false;
      if (key === "model" && cut >= 0) return;
      if (key === "true" && cut >= 0) test = function (row) { return starts(slugOf(data.labels[row]), value); };
      else if (key === "id" && cut >= 0) test = function (row) { return starts(data.ids[row], value); };
      else if (key === "note" && cut >= 0) test = function (row) { return data.notes[row].toLowerCase().indexOf(value) >= 0; };
      else if (word === "has:page") test = function (row) { return data.pages[row] === 1; };
      else if (word === "agree" || word === "differ") {
        test = function (row) {
          var same = models.every(function (m) { return data.models[m].predicted[row] === data.models[models[0]].predicted[row]; });
          return same === (word === "agree");
        };
      } else if (word === "right" || word === "wrong") {
        ofModel = true;
        test = function (row, m) { return data.labels[row] >= 0 && (data.models[m].predicted[row] === data.labels[row]) === (word === "right"); };
      } else if (key === "pred" && cut >= 0) {
        ofModel = true;
        test = function (row, m) { return starts(slugOf(data.models[m].predicted[row]), value); };
      } else if (key === "region" && cut >= 0) {
        ofModel = true;
        test = function (row, m) { return data.peaks.length > 0 && data.peaks[m][row] >= 0 && starts(data.regions[data.peaks[m][row]], value); };
      } else if (key === "conf" && cut >= 0) {
        ofModel = true;
        var below = value.charAt(0) === "<";
        var limit = 1000 * parseFloat(value.replace(/^[<>]=?/, ""));
        if (isNaN(limit)) return;
        test = function (row, m) { return below ? confidence(m, row) < limit : confidence(m, row) >= limit; };
      } else test = function (row) { return names[row].indexOf(word) >= 0; };
      (ofModel ? perModel : perRow).push(not ? function (row, m) { return !test(row, m); } : test);
    });
    return function (row) {
      for (var i = 0; i < perRow.length; i += 1) if (!perRow[i](row)) return false;
      if (!perModel.length) return models.length > 0 || !data.models.length;
      return models.some(function (m) {
        return perModel.every(function (test) { return test(row, m); });
      });
    };
  }

  function order(rows) {
    if (state.sort === "name") {
      rows.sort(function (a, b) { return names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : 0; });
    } else if (state.sort) {
      var sign = state.sort === "sure" ? -1 : 1;
      var key = rows.length ? new Map(rows.map(function (row) {
        return [row, Math.max.apply(null, data.models.map(function (_, m) { return confidence(m, row); }))];
      })) : new Map();
      rows.sort(function (a, b) { return sign * (key.get(a) - key.get(b)) || a - b; });
    }
    return rows;
  }

  function cellOf(sheets, sizes, x, y, width, height, index, name) {
    var svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", name);
    svg.setAttribute("viewBox", [x, y, width, height].join(" "));
    svg.setAttribute("preserveAspectRatio", "none");
    var image = document.createElementNS(SVG, "image");
    image.setAttribute("href", sheets[index]);
    image.setAttribute("width", sizes[index][0]);
    image.setAttribute("height", sizes[index][1]);
    svg.appendChild(image);
    return svg;
  }

  function face(row) {
    var sheet = Math.floor(row / data.cells), cell = row % data.cells;
    var columns = Math.min(data.columns, data.sizes[sheet][0] / data.thumb);
    var svg = cellOf(data.sheets, data.sizes, (cell % columns) * data.thumb, Math.floor(cell / columns) * data.thumb, data.thumb, data.thumb, sheet, "thumb");
    svg.setAttribute("role", "img");
    return svg;
  }

  function heat(row, m) {
    var model = data.models[m], border = data.border;
    var c = state.class === "p" ? model.predicted[row] : state.class === "t" ? data.labels[row] : Number(state.class);
    if (c < 0) return null;
    var sheet = Math.floor(row / data.cells), cell = row % data.cells;
    var svg = cellOf(model.sheets, model.sizes, c * (model.cell[0] + 2 * border) + border, cell * (model.cell[1] + 2 * border) + border, model.cell[0], model.cell[1], sheet, "thumb over");
    svg.setAttribute("aria-hidden", "true");
    return { svg: svg, text: data.method + " of " + model.name + " for " + data.classes[c] };
  }

  function element(tag, name, text) {
    var made = document.createElement(tag);
    if (name) made.className = name;
    if (text) made.textContent = text;
    return made;
  }

  var marks = {};
  Array.prototype.forEach.call(document.querySelectorAll("#static .answer .mark"), function (mark) {
    var series = mark.getAttribute("class").replace("mark", "").trim();
    if (!marks[series]) marks[series] = mark;
  });

  function percent(value) {
    return value >= 990 ? ">\u202f99\u202f%" : value < 10 ? "<\u202f1\u202f%" : Math.round(value / 10) + "\u202f%";
  }

  function card(row) {
    var item = element("li");
    item.tabIndex = -1;
    item.setAttribute("data-step", "");
    var holder = element(data.pages[row] ? "a" : "span", "face");
    if (data.pages[row]) holder.href = "images/" + data.ids[row] + ".html";
    var picture = face(row);
    var label = "Image " + data.ids[row] + ", labelled " + (data.labels[row] < 0 ? "no label" : data.classes[data.labels[row]]);
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
    item.appendChild(element("span", "true", data.labels[row] < 0 ? "no label" : data.classes[data.labels[row]]));
    data.models.forEach(function (model, m) {
      var c = model.predicted[row];
      var known = data.labels[row] >= 0, right = c === data.labels[row];
      var line = element("span", "answer " + (!known ? "unknown" : right ? "right" : "wrong"));
      if (marks[model.series]) line.appendChild(marks[model.series].cloneNode(true));
      line.appendChild(element("span", "who", model.name + ":"));
      line.appendChild(document.createTextNode(" "));
      line.appendChild(element("b", "", data.classes[c]));
      line.appendChild(document.createTextNode(" "));
      line.appendChild(element("span", "p", percent(confidence(m, row))));
      if (known) {
        var sign = element("span", "sign", right ? "✓" : "✕");
        sign.setAttribute("role", "img");
        sign.setAttribute("aria-label", right ? "right" : "wrong");
        line.appendChild(document.createTextNode(" "));
        line.appendChild(sign);
      }
      item.appendChild(line);
    });
    var name = data.names[row];
    item.appendChild(element("small", "", name.length > 26 ? name.slice(0, 12) + "…" + name.slice(-12) : name));
    return item;
  }

  function has(token) {
    return (" " + state.q + " ").indexOf(" " + token + " ") >= 0;
  }

  function flip(token) {
    if (has(token)) state.q = (" " + state.q + " ").replace(" " + token + " ", " ").trim();
    else {
      var key = token.indexOf(":") > 0 ? token.slice(0, token.indexOf(":") + 1) : null;
      var words = state.q.split(/\s+/).filter(function (word) {
        if (key) return !starts(word, key);
        if (token === "right" || token === "wrong") return word !== "right" && word !== "wrong";
        if (token === "agree" || token === "differ") return word !== "agree" && word !== "differ";
        return true;
      });
      state.q = words.concat(token).join(" ").trim();
    }
    state.page = 0;
    query.value = state.q;
    update(true);
  }

  function facets() {
    var groups = [
      ["label", data.slugs.map(function (slug, c) { return ["true:" + slug, data.classes[c]]; })],
      ["answer", data.slugs.map(function (slug, c) { return ["pred:" + slug, data.classes[c]]; })],
      ["", [["right", "right"], ["wrong", "wrong"]].concat(data.models.length > 1 ? [["agree", "models agree"], ["differ", "models differ"]] : []).concat([["has:page", "with full pictures"]])]
    ];
    if (data.peaks.length) groups.push(["peak on", data.regions.filter(function (name) { return name !== "face"; }).map(function (name) { return ["region:" + name, name.replace("+", " + ")]; })]);
    if (data.models.length > 1) groups.push(["whose answer", data.models.map(function (model) { return ["model:" + model.slug, model.name]; })]);
    var holder = document.getElementById("facets");
    var focused = document.activeElement && document.activeElement.dataset && document.activeElement.dataset.token;
    holder.textContent = "";
    groups.forEach(function (group) {
      var field = element("div", "facet");
      if (group[0]) field.appendChild(element("span", "name", group[0]));
      group[1].forEach(function (entry) {
        // What one would see after choosing it, other choices of the same kind apart.
        var key = entry[0].indexOf(":") > 0 ? entry[0].slice(0, entry[0].indexOf(":") + 1) : null;
        var rest = state.q.split(/\s+/).filter(function (word) { return key ? !starts(word, key) : ["right", "wrong"].indexOf(entry[0]) >= 0 ? word !== "right" && word !== "wrong" : word !== "agree" && word !== "differ"; });
        var test = compile(rest.concat(entry[0]).join(" "));
        var count = 0;
        for (var row = 0; row < total; row += 1) if (test(row)) count += 1;
        var button = element("button", "", entry[1] + " ");
        button.type = "button";
        button.dataset.token = entry[0];
        button.setAttribute("aria-pressed", has(entry[0]) ? "true" : "false");
        button.appendChild(element("small", "", count.toLocaleString("en-GB")));
        button.addEventListener("click", function () { flip(entry[0]); });
        field.appendChild(button);
      });
      holder.appendChild(field);
    });
    if (focused) {
      var again = holder.querySelector('[data-token="' + CSS.escape(focused) + '"]');
      if (again) again.focus();
    }
  }

  function pager() {
    var pages = Math.ceil(found.length / PAGE), nav = document.getElementById("pager");
    nav.textContent = "";
    if (pages < 2) return;
    var last = -1;
    for (var i = 0; i < pages; i += 1) {
      if (i > 0 && i < pages - 1 && Math.abs(i - state.page) > 2) continue;
      if (i > last + 1) nav.appendChild(element("span", "", "…"));
      last = i;
      var button = element("button", "", String(i + 1));
      button.type = "button";
      button.setAttribute("aria-label", "Page " + (i + 1));
      if (i === state.page) button.setAttribute("aria-current", "page");
      button.addEventListener("click", go(i));
      nav.appendChild(button);
    }
  }

  function go(page) {
    return function () {
      state.page = page;
      draw();
      remember(true);
      box.scrollIntoView();
    };
  }

  function draw() {
    var results = document.getElementById("results");
    var first = state.page * PAGE;
    var part = found.slice(first, first + PAGE);
    var shelf = document.createDocumentFragment();
    part.forEach(function (row) { shelf.appendChild(card(row)); });
    results.textContent = "";
    results.appendChild(shelf);
    document.getElementById("status").textContent = found.length
      ? found.length.toLocaleString("en-GB") + (found.length === 1 ? " image" : " images") + (found.length > PAGE ? ", showing " + (first + 1) + " to " + (first + part.length) : "")
      : "No image fits. Take a word away.";
    pager();
  }

  function remember(push) {
    var parts = [];
    if (state.q) parts.push(encodeURIComponent(state.q).replace(/%3A/g, ":").replace(/%3E/g, ">"));
    ["sort", "layer", "class", "page"].forEach(function (key) {
      var plain = { sort: "", layer: "", class: "p", page: 0 }[key];
      if (state[key] !== plain) parts.push(key + "=" + state[key]);
    });
    var hash = "#" + parts.join("&");
    if (hash === (window.location.hash || "#")) return;
    try {
      window.history[push ? "pushState" : "replaceState"](null, "", hash);
    } catch (error) {
      window.location.hash = hash;
    }
  }

  function recall() {
    state = { q: "", sort: "", layer: "", class: "p", page: 0 };
    window.location.hash.slice(1).split("&").forEach(function (part) {
      var match = /^(sort|layer|class|page)=(.*)$/.exec(part);
      if (match) state[match[1]] = match[1] === "page" ? Math.max(0, parseInt(match[2], 10) || 0) : match[2];
      else if (part && part !== "results") {
        try {
          state.q = decodeURIComponent(part);
        } catch (error) {
          state.q = part;
        }
      }
    });
    query.value = state.q;
    sort.value = state.sort;
    layer.value = state.layer;
    chosen.value = state.class;
    state.sort = sort.value;
    state.layer = layer.value;
    state.class = chosen.value || "p";
  }

  function update(push) {
    var test = compile(state.q), rows = [];
    for (var row = 0; row < total; row += 1) if (test(row)) rows.push(row);
    found = order(rows);
    state.page = Math.min(state.page, Math.max(0, Math.ceil(found.length / PAGE) - 1));
    facets();
    draw();
    remember(push);
  }

  function csv() {
    var head = ["image_id", "file", "label"];
    data.models.forEach(function (model) { head.push(model.slug + "_predicted", model.slug + "_confidence"); });
    var lines = [head.join(",")];
    found.forEach(function (row) {
      var cells = [data.ids[row], data.names[row], data.labels[row] < 0 ? "" : data.classes[data.labels[row]]];
      data.models.forEach(function (model, m) { cells.push(data.classes[model.predicted[row]], confidence(m, row) / 1000); });
      lines.push(cells.map(function (cell) {
        var text = String(cell);
        if (/^[=+\-@\t\r]/.test(text)) text = "'" + text;
        return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
      }).join(","));
    });
    var link = element("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
    link.download = "images.csv";
    link.click();
    window.setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
  }

  layer.appendChild(new Option("the face", ""));
  data.models.forEach(function (model, m) { layer.appendChild(new Option("heat of " + model.name, String(m + 1))); });
  var waiting = 0;
  query.addEventListener("input", function () {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(function () {
      state.q = query.value.trim();
      state.page = 0;
      update(false);
    }, 80);
  });
  query.form.addEventListener("submit", function (event) { event.preventDefault(); });
  sort.addEventListener("change", function () { state.sort = sort.value; state.page = 0; update(true); });
  layer.addEventListener("change", function () { state.layer = layer.value; draw(); remember(true); });
  chosen.addEventListener("change", function () { state.class = chosen.value; draw(); remember(true); });
  document.getElementById("csv").addEventListener("click", csv);
  window.addEventListener("hashchange", function () { recall(); update(false); });
  window.addEventListener("popstate", function () { recall(); update(false); });

  box.hidden = false;
  document.getElementById("static").hidden = true;
  recall();
  update(false);
})();
