// The explorer: filters every image of the report by words, keeps the view in the address, draws a page of results.
(function () {
  "use strict";
  var data = null;
  var SVG = "http://www.w3.org/2000/svg";
  var PAGE = 60;
  var PLAIN = { q: "", sort: "", layer: "", class: "p", size: "", like: "", page: 0, open: "" };
  // A facet with more values than this is a menu.
  var BUTTONS = 9;
  // Where all pages are in one file, ids and the address carry the page's name.
  var prefix = window.reportgenPrefix ? window.reportgenPrefix + "explorer.html!" : "";

  function part(id) {
    return document.getElementById(prefix + id);
  }

  function at(path) {
    return prefix && path.charAt(0) !== "#" ? "#" + window.reportgenPrefix + path : path;
  }

  function element(tag, name, text) {
    var made = document.createElement(tag);
    if (name) made.className = name;
    if (text) made.textContent = text;
    return made;
  }

  function button(name, text, act) {
    var made = element("button", name, text);
    made.type = "button";
    if (act) made.addEventListener("click", act);
    return made;
  }

  function percent(value) {
    return value >= 990 ? ">\u202f99\u202f%" : value < 10 ? "<\u202f1\u202f%" : Math.round(value / 10) + "\u202f%";
  }

  function split(text) {
    return text.trim().split(/\s+/).filter(Boolean);
  }

  function start() {
    data = window.reportgenData;
    var words = window.reportgenChoices(data);
    var total = words.total, everyModel = words.everyModel, predicted = words.predicted, labels = words.labels, names = words.names;
    var confidence = words.confidence;
    var box = part("explorer"), query = part("query"), sort = part("sort"), layer = part("layer"), chosen = part("class");
    var size = part("size"), clear = part("clear"), results = part("results"), status = part("status"), pages = part("pager");
    var state = Object.assign({}, PLAIN);
    // Of the results: rows in their order, the models that are asked, the order's number of every row.
    var found = [], asked = everyModel, keys = null;
    // What waits for the details; the address that is shown; whether the opened image has an entry of its own in the history.
    var waiting = [], shown = null, pushed = false;
    var rowOf = new Map(data.ids.map(function (id, row) { return [id, row]; }));

    // What is large and seldom needed is read when it is.
    function withDetails(then) {
      if (window.reportgenDetails) return then(window.reportgenDetails);
      waiting.push(then);
      if (waiting.length > 1) return undefined;
      var script = element("script");
      script.src = box.dataset.details;
      script.onload = script.onerror = function () {
        window.reportgenDetails = window.reportgenDetails || { photos: [], likeness: [] };
        waiting.splice(0).forEach(function (one) { one(window.reportgenDetails); });
      };
      document.head.appendChild(script);
      return undefined;
    }

    // A few small whole numbers per image, whose distances say how alike two maps or two faces are.
    function likenessOf(details, name) {
      var one = details.likeness.filter(function (like) { return "like-" + like.kind + (like.model ? "-" + like.model : "") === name; })[0];
      if (!one) return null;
      if (!one.bytes) {
        one.bytes = Int8Array.from(window.atob(one.values), function (letter) { return letter.charCodeAt(0) << 24 >> 24; });
      }
      return one;
    }

    function distances(details, name, row) {
      var one = likenessOf(details, name), made = new Float64Array(total).fill(Infinity);
      if (!one || one.bytes[row * one.numbers] === details.unknown) return null;
      for (var other = 0; other < total; other += 1) {
        if (one.bytes[other * one.numbers] === details.unknown) continue;
        var sum = 0;
        for (var i = 0; i < one.numbers; i += 1) {
          var gap = one.bytes[other * one.numbers + i] - one.bytes[row * one.numbers + i];
          sum += gap * gap;
        }
        made[other] = sum;
      }
      return made;
    }

    // The predicted emotion's probability less the next one's, in thousandths.
    function margin(row, m) {
      var first = -1, second = -1, all = data.models[m].probabilities;
      for (var c = row * words.classes; c < (row + 1) * words.classes; c += 1) {
        if (all[c] > first) {
          second = first;
          first = all[c];
        } else if (all[c] > second) second = all[c];
      }
      return second < 0 ? first : first - second;
    }

    // How far two models' probabilities are apart: half the sum of the differences, in thousandths; the largest of all pairs.
    function disagreement(row, models) {
      var most = 0;
      models.forEach(function (a, i) {
        models.slice(i + 1).forEach(function (b) {
          var sum = 0;
          for (var c = row * words.classes; c < (row + 1) * words.classes; c += 1) {
            sum += Math.abs(data.models[a].probabilities[c] - data.models[b].probabilities[c]);
          }
          most = Math.max(most, sum / 2);
        });
      });
      return most;
    }

    // Each order's number of an image, the smallest first; and what a tile says of it.
    var ORDERS = {
      sure: { of: function (row, models) { return -Math.max.apply(null, models.map(function (m) { return confidence[m][row]; })); } },
      unsure: { of: function (row, models) { return Math.max.apply(null, models.map(function (m) { return confidence[m][row]; })); } },
      margin: {
        of: function (row, models) { return Math.min.apply(null, models.map(function (m) { return margin(row, m); })); },
        say: function (value) { return "margin " + (value / 10).toFixed(1) + " points"; }
      },
      differ: {
        of: function (row, models) { return -disagreement(row, models.length > 1 ? models : everyModel); },
        say: function (value) { return "disagreement " + Math.round(-value / 10) + "\u202f%"; }
      }
    };

    function order(rows) {
      keys = null;
      if (state.sort === "name") {
        return rows.sort(function (a, b) { return names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : a - b; });
      }
      if (state.sort.startsWith("like-")) keys = window.reportgenDetails && distances(window.reportgenDetails, state.sort, rowOf.get(state.like));
      else if (ORDERS[state.sort]) {
        keys = new Float64Array(total);
        rows.forEach(function (row) { keys[row] = ORDERS[state.sort].of(row, asked); });
      }
      if (!keys) return rows;
      return rows.sort(function (a, b) { return keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : a - b; });
    }

    function pictureOf(path, width, height, x, y, w, h, name) {
      var svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("class", name);
      svg.setAttribute("viewBox", [x, y, w, h].join(" "));
      svg.setAttribute("preserveAspectRatio", "none");
      var image = document.createElementNS(SVG, path.charAt(0) === "#" ? "use" : "image");
      image.setAttribute("href", path);
      image.setAttribute("width", width);
      image.setAttribute("height", height);
      svg.appendChild(image);
      return svg;
    }

    function face(row, label) {
      var sheet = Math.floor(row / data.cells), cell = row % data.cells, side = data.thumb, whole = data.sizes[sheet];
      var columns = Math.min(data.columns, whole[0] / side);
      var svg = pictureOf(data.sheets[sheet], whole[0], whole[1], (cell % columns) * side, Math.floor(cell / columns) * side, side, side, "thumb");
      return named(svg, label);
    }

    function named(svg, label) {
      if (label) {
        svg.setAttribute("role", "img");
        svg.setAttribute("aria-label", label);
      } else svg.setAttribute("aria-hidden", "true");
      return svg;
    }

    // The class whose map is asked for: "p" of the prediction, "t" of the label, or a number.
    function classOf(row, m, of) {
      return of === "p" ? predicted[m][row] : of === "t" ? labels[row] : Number(of);
    }

    function heat(row, m, c) {
      if (!(c >= 0)) return null;
      var model = data.models[m], view = model.view, sheet = Math.floor(row / data.cells), cell = row % data.cells, whole = model.sizes[sheet];
      return named(pictureOf(model.sheets[sheet], whole[0], whole[1], c * view[0] + view[2], cell * view[1] + view[3], view[4], view[5], "thumb over"));
    }

    function mapText(m, c) {
      return data.models[m].method + " map of " + data.models[m].name + " for " + data.classes[c];
    }

    var marks = {};
    Array.prototype.forEach.call(part("static").querySelectorAll(".answer .mark"), function (mark) {
      var series = mark.getAttribute("class").replace("mark", "").trim();
      if (!marks[series]) marks[series] = mark;
    });

    function mark(m) {
      var found = marks[data.models[m].series];
      return found ? found.cloneNode(true) : document.createTextNode("");
    }

    function truth(row) {
      return labels[row] < 0 ? "no label" : data.classes[labels[row]];
    }

    function flagsOf(row, m) {
      var set = data.sets.filter(function (one) { return one.kind === "flag"; })[0];
      return set ? set.names.filter(function (_, index) { return set.bits[m][row] & (1 << index); }) : [];
    }

    // "unexplained" comes first: what else is true of the photo is told as such, not as a second reason.
    function flagText(flags) {
      return "⚑ " + (flags[0] === "unexplained" && flags.length > 1 ? flags[0] + "; also " + flags.slice(1).join(", ") : flags.join(", "));
    }

    function answer(row, m) {
      var c = predicted[m][row], labelled = labels[row] >= 0, right = c === labels[row];
      var line = element("span", "answer " + (!labelled ? "unknown" : right ? "right" : "wrong"));
      line.appendChild(mark(m));
      line.appendChild(document.createTextNode(" "));
      line.appendChild(element("span", "who", data.models[m].name + ":"));
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
      var line = element("small", "flags");
      if (data.models.length > 1) {
        line.appendChild(mark(m));
        line.appendChild(element("span", "who", data.models[m].name + ":"));
        line.appendChild(document.createTextNode(" "));
      }
      line.appendChild(document.createTextNode(flagText(flags)));
      return line;
    }

    function label(row) {
      return "Image " + data.ids[row] + ", labelled " + truth(row);
    }

    function stacked(row, m, text) {
      var holder = element("span", "stacked"), c = classOf(row, m, state.class), over = heat(row, m, c);
      holder.appendChild(face(row, text));
      if (over) holder.appendChild(over);
      return holder;
    }

    function card(row) {
      var item = element("li"), link = element("a", "face");
      item.tabIndex = -1;
      item.setAttribute("data-step", "");
      item.dataset.row = row;
      link.href = "#" + address({ open: data.ids[row] });
      link.setAttribute("aria-haspopup", "dialog");
      var shown = state.layer === "all" ? everyModel : state.layer ? [Number(state.layer) - 1] : [];
      if (!shown.length) link.appendChild(face(row, label(row)));
      shown.forEach(function (m, place) {
        var texts = shown.map(function (one) { return mapText(one, classOf(row, one, state.class)); });
        var holder = stacked(row, m, place ? "" : label(row) + (classOf(row, m, state.class) >= 0 ? ", with " + texts.join(" and ") : ""));
        if (shown.length > 1) {
          var whose = element("span", "whose");
          whose.appendChild(mark(m));
          holder.appendChild(whose);
        }
        link.appendChild(holder);
      });
      item.appendChild(link);
      item.appendChild(element("span", "true", truth(row)));
      everyModel.forEach(function (m) {
        item.appendChild(answer(row, m));
        var flags = flagsOf(row, m);
        if (flags.length) item.appendChild(flagged(m, flags));
      });
      if (keys && ORDERS[state.sort] && ORDERS[state.sort].say) item.appendChild(element("small", "key", ORDERS[state.sort].say(keys[row])));
      var name = data.names[row];
      item.appendChild(element("small", "", name.length > 26 ? name.slice(0, 12) + "…" + name.slice(-12) : name));
      return item;
    }

    // Words that exclude each other; values of other words are alternatives, joined by commas.
    function rivals(token) {
      if (token === "right" || token === "wrong") return function (word) { return word === "right" || word === "wrong"; };
      if (token === "agree" || token === "differ") return function (word) { return word === "agree" || word === "differ"; };
      var key = token.slice(0, token.indexOf(":") + 1);
      return function (word) { return word.toLowerCase().startsWith(key); };
    }

    function valuesOf(word) {
      return word.toLowerCase().slice(word.indexOf(":") + 1).split(",").filter(Boolean);
    }

    function isOn(token, all) {
      var isRival = rivals(token), value = token.slice(token.indexOf(":") + 1);
      return all.filter(isRival).some(function (word) { return word === token || (token.indexOf(":") > 0 && valuesOf(word).indexOf(value) >= 0); });
    }

    function flip(token) {
      var all = split(state.q), isRival = rivals(token), on = isOn(token, all);
      var rest = all.filter(function (word) { return !isRival(word); });
      var cut = token.indexOf(":");
      if (cut < 0) {
        if (!on) rest.push(token);
      } else {
        var value = token.slice(cut + 1);
        var values = [].concat.apply([], all.filter(isRival).map(valuesOf)).filter(function (one) { return one !== value; });
        if (!on) values.push(value);
        if (values.length) rest.push(token.slice(0, cut + 1) + values.join(","));
      }
      ask(rest.join(" "));
    }

    function ask(text) {
      state.q = query.value = text;
      state.page = 0;
      update(true);
    }

    function groups() {
      var shown = [
        { title: "label", main: true, values: data.slugs.map(function (slug, c) { return ["true:" + slug, data.classes[c]]; }) },
        { title: "prediction", main: true, values: data.slugs.map(function (slug, c) { return ["pred:" + slug, data.classes[c]]; }) },
        { title: "outcome", main: true, values: [["right", "correct"], ["wrong", "wrong"]].concat(data.models.length > 1 ? [["agree", "models agree"], ["differ", "models differ"]] : []) },
        { title: "confidence", main: true, values: [["conf:>0.9", "90 % and more"], ["conf:<0.5", "less than 50 %"]] }
      ];
      if (data.models.length > 1) shown.push({ title: "whose prediction", main: true, values: data.models.map(function (model) { return ["model:" + model.slug, model.name]; }) });
      data.facets.forEach(function (facet) {
        shown.push({ title: facet.title, main: facet.main, facet: facet, values: facet.slugs.map(function (slug, index) { return [facet.kind + ":" + slug, facet.names[index]]; }) });
      });
      if (data.peaks.length) shown.push({ title: "peak on", values: data.regions.filter(function (name) { return name !== "face"; }).map(function (name) { return ["region:" + name, name.replace("+", " + ")]; }) });
      data.sets.forEach(function (set) {
        shown.push({ title: set.title, values: set.slugs.map(function (slug, index) { return [set.kind + ":" + slug, set.names[index]]; }) });
      });
      shown.push({ title: "pictures", values: [["has:page", "in full size"]] });
      return shown;
    }

    var buttons = [], menus = [];

    function buildFacets() {
      groups().forEach(function (group) {
        var field = element("div", "facet");
        field.setAttribute("role", "group");
        field.setAttribute("aria-label", group.title);
        field.appendChild(element("span", "name", group.title));
        if (group.facet && group.values.length > BUTTONS) field.appendChild(menu(group, field));
        else {
          group.values.forEach(function (entry) {
            var one = choice(entry);
            field.appendChild(one.button);
            buttons.push(one);
          });
        }
        part(group.main ? "facets" : "more-facets").appendChild(field);
      });
    }

    function choice(entry) {
      var count = element("small"), one = button("", entry[1] + " ", function () { flip(entry[0]); });
      one.dataset.token = entry[0];
      one.appendChild(count);
      return { button: one, count: count, token: entry[0], isRival: rivals(entry[0]) };
    }

    // Hundreds of persons: the menu is filled once it is reached for; what is chosen stands before it and can be taken back.
    function menu(group, field) {
      var select = element("select"), made = { field: field, select: select, options: [], group: group, on: [], isRival: rivals(group.values[0][0]) };
      select.setAttribute("aria-label", "Add a " + group.title);
      select.appendChild(new Option("choose…", ""));
      function fill() {
        if (made.options.length) return;
        made.options = group.values.map(function (entry) { return select.appendChild(new Option(entry[1], entry[0])); });
        countMenu(made, split(state.q), words.combine(split(state.q).filter(function (word) { return !made.isRival(word); })));
      }
      select.addEventListener("focus", fill);
      select.addEventListener("pointerdown", fill);
      select.addEventListener("change", function () {
        var token = select.value;
        select.value = "";
        if (token) flip(token);
      });
      menus.push(made);
      return select;
    }

    function countMenu(one, all, view) {
      var bits = words.settle(view), values = one.group.facet.values, counts = new Int32Array(one.group.values.length);
      for (var row = 0; row < total; row += 1) if (bits[row] && values[row] >= 0) counts[values[row]] += 1;
      var chosen = [].concat.apply([], all.filter(one.isRival).map(valuesOf));
      one.on.forEach(function (taken) { taken.remove(); });
      one.on = [];
      one.group.values.forEach(function (entry, index) {
        var on = chosen.indexOf(one.group.facet.slugs[index]) >= 0, option = one.options[index];
        if (option) {
          option.text = entry[1] + " (" + counts[index].toLocaleString("en-GB") + ")";
          option.hidden = option.disabled = on || !counts[index];
        }
        if (!on) return;
        var taken = choice(entry);
        taken.count.textContent = counts[index].toLocaleString("en-GB");
        taken.button.setAttribute("aria-pressed", "true");
        one.field.insertBefore(taken.button, one.select);
        one.on.push(taken.button);
      });
    }

    // Beside each choice the images it has, given all other kinds of choices.
    function countFacets() {
      var all = split(state.q), views = new Map();
      // A choice about answers counts an image as soon as one model matches, so correct and wrong may add up to more than all.
      part("counted").textContent = data.models.length < 2 ? "" : asked.length === 1
        ? "Counts are of images whose prediction by " + data.models[asked[0]].name + " matches."
        : "Counts are of images where the prediction of at least one model matches: one that is correct for one model and wrong for another is in both.";

      function without(isRival) {
        var rest = all.filter(function (word) { return !isRival(word); }), key = rest.join(" ");
        if (!views.has(key)) views.set(key, words.combine(rest));
        return views.get(key);
      }

      buttons.forEach(function (one) {
        var bits = words.settle(words.narrow(without(one.isRival), words.read(one.token))), n = 0;
        for (var row = 0; row < total; row += 1) n += bits[row];
        one.count.textContent = n.toLocaleString("en-GB");
        one.button.setAttribute("aria-pressed", isOn(one.token, all) ? "true" : "false");
        one.button.classList.toggle("none", n === 0);
      });
      // A menu that nobody has reached for and nobody chose from has nothing to say.
      menus.forEach(function (one) {
        if (one.options.length || one.on.length || all.some(one.isRival)) countMenu(one, all, without(one.isRival));
      });
      var on = all.length;
      part("choices").firstElementChild.textContent = on ? "Filters (" + on + " on)" : "Filters";
    }

    function showHints() {
      var box = part("hint"), hints = state.q ? words.hints(split(state.q)) : [];
      box.textContent = "";
      hints.forEach(function (hint) {
        var line = element("p", "", hint.text);
        hint.instead.forEach(function (word, place) {
          line.appendChild(document.createTextNode(place ? ", " : " "));
          line.appendChild(button("plain", word, function () {
            ask(split(state.q).map(function (one) { return one === hint.word ? word : one; }).join(" "));
            query.focus();
          }));
        });
        if (hint.instead.length && /mean$/.test(hint.text)) line.appendChild(document.createTextNode("?"));
        box.appendChild(line);
      });
    }

    function turn(text, page, name) {
      var made = button("", text, function () {
        state.page = page;
        draw();
        remember(true);
        box.scrollIntoView();
        // The button is gone with its page; keys go on from the new results.
        status.focus({ preventScroll: true });
      });
      if (name) {
        made.dataset.turn = name;
        made.disabled = page < 0 || page >= Math.ceil(found.length / PAGE);
      } else made.setAttribute("aria-label", "Page " + (page + 1));
      if (page === state.page) made.setAttribute("aria-current", "page");
      return made;
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

    function likeName(name) {
      var m = data.models.map(function (model) { return "like-map-" + model.slug; }).indexOf(name);
      return m < 0 ? "face" : "map of " + data.models[m].name;
    }

    // Which image the others are put in order by, and the way back.
    function showLike() {
      var box = part("like"), row = rowOf.get(state.like), on = state.sort.startsWith("like-");
      box.textContent = "";
      box.hidden = !on;
      if (!on) return;
      box.appendChild(face(row, ""));
      var text = element("span", "", "In order of how similar the " + likeName(state.sort) + " is to that of image " + data.ids[row] + " (" + truth(row) + "). ");
      text.appendChild(button("plain", "Back to the usual order", function () {
        state.sort = state.like = "";
        state.page = 0;
        update(true);
      }));
      box.appendChild(text);
    }

    function draw() {
      var first = state.page * PAGE, page = found.slice(first, first + PAGE);
      var shelf = document.createDocumentFragment();
      page.forEach(function (row) { shelf.appendChild(card(row)); });
      results.textContent = "";
      results.className = ["shelf", state.size, state.layer === "all" && everyModel.length > 1 ? "pairs-of-maps" : ""].filter(Boolean).join(" ");
      results.appendChild(shelf);
      status.textContent = found.length
        ? found.length.toLocaleString("en-GB") + (found.length === 1 ? " image" : " images") + (found.length > PAGE ? ", showing " + (first + 1).toLocaleString("en-GB") + " to " + (first + page.length).toLocaleString("en-GB") : "")
        : "No matches. Remove a filter.";
      pager();
    }

    // The view as the address keeps it, with what is said to be different.
    function address(other) {
      var view = Object.assign({}, state, other), parts = [];
      if (view.q) parts.push(encodeURIComponent(view.q).replace(/%3A/g, ":").replace(/%3E/g, ">").replace(/%2C/g, ","));
      ["sort", "layer", "class", "size", "like", "page", "open"].forEach(function (key) {
        if (view[key] !== PLAIN[key]) parts.push(key + "=" + view[key]);
      });
      return (parts.length ? prefix : prefix.slice(0, -1)) + parts.join("&");
    }

    function remember(push) {
      var hash = "#" + address();
      if (hash !== (window.location.hash || "#")) {
        try {
          window.history[push ? "pushState" : "replaceState"](null, "", hash);
        } catch (error) {
          window.location.hash = hash;
        }
      }
      shown = window.location.hash;
    }

    function recall() {
      state = Object.assign({}, PLAIN);
      var hash = window.location.hash.slice(1);
      if (prefix) hash = hash.startsWith(prefix) ? hash.slice(prefix.length) : "";
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
      // What the address says but no menu offers is not kept.
      if (!rowOf.has(state.like)) state.like = "";
      if (!rowOf.has(state.open)) state.open = "";
      showState();
      state.sort = sort.value;
      state.layer = layer.value;
      state.size = size.value;
      state.class = chosen.value || "p";
    }

    function showState() {
      likes.forEach(function (option) { option.hidden = option.disabled = !state.like; });
      if (query.value.trim() !== state.q) query.value = state.q;
      sort.value = state.like || !state.sort.startsWith("like-") ? state.sort : "";
      layer.value = state.layer;
      chosen.value = state.class;
      size.value = state.size;
    }

    function here() {
      return !prefix || (window.location.hash.slice(1) + "!").startsWith(prefix);
    }

    function update(push) {
      if (state.sort.startsWith("like-") && !window.reportgenDetails) return withDetails(function () { update(push); });
      var view = words.combine(split(state.q)), bits = words.settle(view), rows = [];
      for (var row = 0; row < total; row += 1) if (bits[row]) rows.push(row);
      asked = view.allowed.length ? view.allowed : everyModel;
      found = order(rows);
      // An opened image is on the page that is behind it.
      var opened = state.open ? found.indexOf(rowOf.get(state.open)) : -1;
      if (opened < 0) state.open = "";
      else state.page = Math.floor(opened / PAGE);
      state.page = Math.min(state.page, Math.max(0, Math.ceil(found.length / PAGE) - 1));
      clear.hidden = !state.q;
      showState();
      countFacets();
      showHints();
      showLike();
      draw();
      if (push !== null) remember(push);
      lightbox.show(opened);
      return undefined;
    }

    function csv() {
      var head = ["image_id", "file", "label"];
      var withFlags = data.sets.some(function (set) { return set.kind === "flag"; });
      data.facets.forEach(function (facet) { head.push(facet.title); });
      data.models.forEach(function (model) {
        head.push(model.slug + "_predicted", model.slug + "_confidence", model.slug + "_margin", model.slug + "_correct");
        if (data.peaks.length) head.push(model.slug + "_peak");
        if (withFlags) head.push(model.slug + "_flags");
      });
      var rows = [head];
      found.forEach(function (row) {
        var cells = [data.ids[row], data.names[row], labels[row] < 0 ? "" : truth(row)];
        data.facets.forEach(function (facet) { cells.push(facet.values[row] < 0 ? "" : facet.names[facet.values[row]]); });
        data.models.forEach(function (model, m) {
          cells.push(data.classes[predicted[m][row]], confidence[m][row] / 1000, margin(row, m) / 1000);
          cells.push(labels[row] < 0 ? "" : predicted[m][row] === labels[row] ? 1 : 0);
          if (data.peaks.length) cells.push(data.peaks[m][row] < 0 ? "" : data.regions[data.peaks[m][row]]);
          if (withFlags) cells.push(flagsOf(row, m).join("; "));
        });
        rows.push(cells);
      });
      var name = ("images " + state.q).replace(/[^a-z0-9.]+/gi, "-").replace(/-+$/, "").slice(0, 80);
      window.reportgenSave(name + ".csv", rows);
    }

    function option(menu, text, value) {
      var made = new Option(text, value);
      menu.appendChild(made);
      return made;
    }

    option(layer, "the face", "");
    data.models.forEach(function (model, m) { option(layer, "map of " + model.name, String(m + 1)); });
    if (data.models.length > 1) {
      option(layer, data.models.length > 2 ? "maps of all models" : "maps of both models", "all");
      option(sort, "largest disagreement of the models first", "differ");
    }
    var likes = data.models.map(function (model) { return option(sort, "similar map of " + model.name, "like-map-" + model.slug); });
    likes.push(option(sort, "similar face", "like-face"));
    buildFacets();

    var lightbox = window.reportgenLightbox({
      words: words, part: part, at: at, element: element, button: button, percent: percent, face: face, heat: heat, named: named,
      pictureOf: pictureOf, classOf: classOf, mapText: mapText, mark: mark, truth: truth, flagsOf: flagsOf, flagText: flagText, answer: answer,
      withDetails: withDetails, likeName: likeName, likenessOf: likenessOf, margin: margin,
      found: function () { return found; },
      state: function () { return state; },
      // Another image of the same results: the page behind turns with it.
      go: function (place) {
        state.open = data.ids[found[place]];
        if (Math.floor(place / PAGE) !== state.page) {
          state.page = Math.floor(place / PAGE);
          draw();
        }
        remember(false);
        lightbox.show(place);
      },
      // Back leads to the results where one came from there; from elsewhere the address alone changes.
      closed: function () {
        if (pushed) {
          window.history.back();
          return;
        }
        var row = rowOf.get(state.open);
        state.open = "";
        remember(false);
        focusOn(row);
      },
      only: function (token) {
        pushed = false;
        state.open = "";
        ask(token);
        status.focus();
      },
      similar: function (row, name) {
        pushed = false;
        Object.assign(state, { open: "", sort: name, like: data.ids[row], page: 0 });
        update(true);
        status.focus();
      }
    });

    function focusOn(row) {
      var item = results.querySelector('[data-row="' + row + '"]');
      if (item) item.firstElementChild.focus();
    }

    results.addEventListener("click", function (event) {
      var link = event.target.closest("a.face");
      if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      var row = Number(link.parentNode.dataset.row);
      state.open = data.ids[row];
      remember(true);
      pushed = true;
      lightbox.show(found.indexOf(row));
    });

    var frame = 0;
    query.addEventListener("input", function () {
      // Fast enough for every key; what is typed within one frame is drawn once.
      window.cancelAnimationFrame(frame);
      frame = window.requestAnimationFrame(function () {
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
      ask("");
      query.focus();
    }

    clear.addEventListener("click", empty);
    sort.addEventListener("change", function () {
      state.sort = sort.value;
      state.page = 0;
      update(true);
    });
    layer.addEventListener("change", function () {
      state.layer = layer.value;
      draw();
      remember(true);
    });
    size.addEventListener("change", function () {
      state.size = size.value;
      draw();
      remember(true);
    });
    chosen.addEventListener("change", function () {
      state.class = chosen.value;
      // Asking for a class's map means wanting to see one.
      if (!state.layer && data.models.length) layer.value = state.layer = "1";
      draw();
      remember(true);
    });
    part("csv").addEventListener("click", csv);

    // The address has changed: by a link, or by going back, which also closes what is open.
    function come() {
      var same = window.location.hash === shown, was = rowOf.get(state.open);
      shown = window.location.hash;
      if (!here()) lightbox.show(-1);
      if (same || !here()) return;
      pushed = false;
      recall();
      update(null);
      if (was === undefined || state.open) return;
      var page = Math.floor(found.indexOf(was) / PAGE);
      if (page >= 0 && page !== state.page) {
        state.page = page;
        draw();
        remember(false);
      }
      focusOn(was);
    }

    window.addEventListener("hashchange", come);
    window.addEventListener("popstate", come);

    // On a phone the photos come first, and choices open above them; beside them they are always open.
    var narrow = window.matchMedia("(max-width: 64rem)");
    function fold() {
      part("choices").open = part("looks").open = !narrow.matches;
    }
    narrow.addEventListener("change", fold);
    fold();
    box.hidden = false;
    part("static").hidden = true;
    // The static pages' neighbours have nothing to do with the results.
    var neighbours = box.closest("main, article").querySelector(".turn");
    if (neighbours) neighbours.hidden = true;
    recall();
    update(here() ? false : null);
  }

  // The data are large: the page's own photos are painted before they are asked for.
  function load() {
    window.requestAnimationFrame(function () {
      window.setTimeout(function () {
        var script = element("script");
        script.src = part("explorer").dataset.data;
        script.onload = start;
        document.head.appendChild(script);
      });
    });
  }

  if (!part("explorer")) return;
  // In one file the data stand in it, and the other scripts after this one.
  if (window.reportgenData) document.addEventListener("DOMContentLoaded", start);
  else window.addEventListener("load", load);
})();
