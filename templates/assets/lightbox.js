// One image of the explorer's results, opened: every model's map beside the photo, probabilities, flags, similar images.
(function () {
  "use strict";
  var SVG = "http://www.w3.org/2000/svg";

  window.reportgenLightbox = function (explorer) {
    var words = explorer.words, data = words.data, part = explorer.part, element = explorer.element, button = explorer.button;
    var dialog = part("opened"), title = part("opened-title"), shown = -1, of = "";

    function figure(content, name, note) {
      var made = element("figure", "tile"), caption = element("figcaption");
      made.appendChild(content);
      if (typeof name === "string") caption.textContent = name;
      else caption.appendChild(name);
      caption.appendChild(element("small", "", note));
      made.appendChild(caption);
      return made;
    }

    // The photo in full size where it was drawn so, else its thumbnail.
    function picture(row, details, prepared, label) {
      var found = details.photos && details.photos[row], from = prepared ? 3 : 0;
      if (!found || !found.length) return explorer.face(row, label);
      var path = found[from], width = found[from + 1], height = found[from + 2];
      var svg = explorer.pictureOf(path, width, height, 0, 0, width, height, "thumb" + (prepared ? "" : " whole"));
      if (!prepared) svg.style.aspectRatio = width + " / " + height;
      return explorer.named(svg, label);
    }

    function panes(row, details) {
      var box = part("opened-panes");
      box.textContent = "";
      box.appendChild(figure(picture(row, details, false, "Image " + data.ids[row] + ", labelled " + explorer.truth(row)), explorer.truth(row), "label"));
      words.everyModel.forEach(function (m) {
        var c = explorer.classOf(row, m, of), holder = element("span", "stacked"), over = explorer.heat(row, m, c);
        holder.appendChild(picture(row, details, true, over ? explorer.mapText(m, c) : "No map: this image has no label"));
        if (over) holder.appendChild(over);
        var peak = data.peaks.length && of === "p" && data.peaks[m][row] >= 0 ? "; it peaks on " + data.regions[data.peaks[m][row]].replace("+", " and ") : "";
        var note = over ? "map for " + data.classes[c] + peak : "";
        var made = figure(holder, explorer.answer(row, m), note), flags = explorer.flagsOf(row, m);
        if (flags.length) made.lastElementChild.appendChild(element("small", "flags", explorer.flagText(flags)));
        box.appendChild(made);
      });
    }

    function cell(tag, name, child) {
      var made = element(tag, name);
      if (child) made.appendChild(child);
      return made;
    }

    function bar(m, value) {
      var svg = document.createElementNS(SVG, "svg"), rect = document.createElementNS(SVG, "rect");
      svg.setAttribute("class", "bar " + data.models[m].series);
      svg.setAttribute("width", "100%");
      svg.setAttribute("height", "8");
      rect.setAttribute("width", value / 10 + "%");
      rect.setAttribute("height", "8");
      rect.setAttribute("rx", "2");
      svg.appendChild(rect);
      return explorer.named(svg);
    }

    // Emotions by the first model's probability, as on the image's page; each shows its maps above.
    function probabilities(row) {
      var box = part("opened-rows"), head = part("opened-head"), first = data.models[0];
      head.textContent = box.textContent = "";
      head.appendChild(cell("th", "", element("span", "away", "emotion")));
      data.models.forEach(function (model) { head.appendChild(element("th", "", model.name)); });
      Array.prototype.forEach.call(head.children, function (one) { one.scope = "col"; });
      var ranked = data.classes.map(function (_, c) { return c; });
      if (first) ranked.sort(function (a, b) { return first.probabilities[row * words.classes + b] - first.probabilities[row * words.classes + a] || a - b; });
      ranked.forEach(function (c) {
        var line = element("tr", words.labels[row] === c ? "label" : ""), name = button("plain", data.classes[c], function () {
          of = of === String(c) ? "p" : String(c);
          render();
          part("opened-rows").querySelector('[data-class="' + c + '"]').focus();
        });
        name.dataset.class = c;
        name.setAttribute("aria-pressed", of === String(c) ? "true" : "false");
        var heading = cell("th", "", name);
        heading.scope = "row";
        if (words.labels[row] === c) {
          heading.appendChild(document.createTextNode(" "));
          heading.appendChild(element("span", "tag", "label"));
        }
        line.appendChild(heading);
        words.everyModel.forEach(function (m) {
          var value = data.models[m].probabilities[row * words.classes + c];
          var entry = cell("td", words.predicted[m][row] === c ? "top" : "", bar(m, value));
          entry.appendChild(element("span", "", explorer.percent(value)));
          line.appendChild(entry);
        });
        box.appendChild(line);
      });
    }

    function fact(name, value) {
      var line = element("div"), text = element("dd");
      line.appendChild(element("dt", "", name));
      if (typeof value === "string") text.textContent = value;
      else text.appendChild(value);
      line.appendChild(text);
      return line;
    }

    function facts(row) {
      var box = part("opened-facts");
      box.textContent = "";
      box.appendChild(fact("file", data.names[row]));
      words.everyModel.forEach(function (m) {
        var name = data.models.length > 1 ? "margin, " + data.models[m].name : "margin";
        box.appendChild(fact(name, (explorer.margin(row, m) / 10).toFixed(1) + " percentage points"));
      });
      data.facets.forEach(function (facet) {
        var value = facet.values[row];
        if (value < 0) return;
        var n = facet.values.reduce(function (sum, one) { return sum + (one === value ? 1 : 0); }, 0);
        var text = element("span", "", facet.names[value] + " · ");
        if (n < 2) text.textContent = facet.names[value] + " · the only one";
        else text.appendChild(button("plain", "all " + n.toLocaleString("en-GB"), function () { leave(function () { explorer.only(facet.kind + ":" + facet.slugs[value]); }); }));
        box.appendChild(fact(facet.title, text));
      });
    }

    function ways(row, details) {
      var box = part("opened-ways");
      box.textContent = "";
      var known = details.likeness.filter(function (one) {
        return explorer.likenessOf(details, nameOf(one)).bytes[row * one.numbers] !== details.unknown;
      });
      known.forEach(function (one, place) {
        if (!place) box.appendChild(document.createTextNode("Sort by similarity of the "));
        else box.appendChild(document.createTextNode(place < known.length - 1 ? ", " : " or "));
        box.appendChild(button("plain", explorer.likeName(nameOf(one)), function () {
          leave(function () { explorer.similar(row, nameOf(one)); });
        }));
      });
      if (known.length) box.appendChild(document.createTextNode(". "));
      if (data.pages[row]) {
        var link = element("a", "", "Everything about this image");
        link.href = explorer.at("images/" + data.ids[row] + ".html");
        box.appendChild(link);
      }
    }

    function nameOf(one) {
      return "like-" + one.kind + (one.model ? "-" + one.model : "");
    }

    function render() {
      var found = explorer.found(), row = found[shown];
      title.textContent = "Image " + data.ids[row];
      part("opened-place").textContent = (shown + 1).toLocaleString("en-GB") + " of " + found.length.toLocaleString("en-GB");
      part("opened-previous").disabled = shown === 0;
      part("opened-next").disabled = shown === found.length - 1;
      probabilities(row);
      facts(row);
      if (!window.reportgenDetails) panes(row, {});
      explorer.withDetails(function (details) {
        if (!dialog.open || explorer.found()[shown] !== row) return;
        panes(row, details);
        ways(row, details);
      });
    }

    // Closed by what it leads to: the results change, and so does the address.
    function leave(then) {
      shown = -1;
      dialog.close();
      then();
    }

    function step(by) {
      var next = shown + by;
      if (next < 0 || next >= explorer.found().length) return;
      explorer.go(next);
      // A disabled button loses the focus to nowhere.
      if (!dialog.contains(document.activeElement) || document.activeElement.disabled) title.focus();
    }

    part("opened-previous").addEventListener("click", function () { step(-1); });
    part("opened-next").addEventListener("click", function () { step(1); });
    part("opened-close").addEventListener("click", function () { dialog.close(); });
    dialog.addEventListener("click", function (event) { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", function () {
      if (shown < 0) return;
      shown = -1;
      explorer.closed();
    });
    dialog.addEventListener("keydown", function (event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Tab") {
        // Round and round: the page behind is out of reach, and so is what the browser has around it.
        var all = Array.prototype.filter.call(dialog.querySelectorAll("button, a[href]"), function (one) { return !one.disabled && one.offsetParent; });
        var last = event.shiftKey ? all[0] : all[all.length - 1], at = document.activeElement;
        if (at === last || (event.shiftKey && at === title)) {
          event.preventDefault();
          (event.shiftKey ? all[all.length - 1] : all[0]).focus();
        }
        return;
      }
      if (event.key === "ArrowLeft" || event.key === "k" || event.key === "[") step(-1);
      else if (event.key === "ArrowRight" || event.key === "j" || event.key === "]") step(1);
      else if (event.key.length > 1) return;
      // The page's own keys would act behind it.
      event.stopPropagation();
    });

    return {
      // Show the image at this place of the results; -1 shows none.
      show: function (place) {
        if (place < 0) {
          shown = -1;
          if (dialog.open) dialog.close();
          return;
        }
        if (shown < 0) of = explorer.state().class;
        shown = place;
        if (!dialog.open) {
          dialog.showModal();
          title.focus();
        }
        render();
      }
    };
  };
})();
