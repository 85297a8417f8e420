// Comparing by hand: colours any map of the image beside any other, on one scale or on its own.
(function () {
  "use strict";
  var ramp = window.reportgenRamp;
  var SIDE = 168;
  if (!ramp || !window.atob) return;

  function numbers(text) {
    var raw = window.atob(text), made = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i += 1) made[i] = raw.charCodeAt(i);
    return made;
  }

  // Bilinear between the centres of what the cells see, as the pictures are made.
  function position(pixel, axis, count) {
    return Math.min(count - 1, Math.max(0, ((pixel + 0.5) / SIDE - axis[0]) / axis[1]));
  }

  function enlarge(cells, model) {
    var height = model.height, width = model.width;
    var made = new Float32Array(SIDE * SIDE);
    for (var y = 0; y < SIDE; y += 1) {
      var v = position(y, model.rows, height);
      var top = Math.min(Math.floor(v), height - 1), bottom = Math.min(top + 1, height - 1), down = v - top;
      for (var x = 0; x < SIDE; x += 1) {
        var u = position(x, model.columns, width);
        var left = Math.min(Math.floor(u), width - 1), right = Math.min(left + 1, width - 1), across = u - left;
        made[y * SIDE + x] =
          (cells[top * width + left] * (1 - across) + cells[top * width + right] * across) * (1 - down) +
          (cells[bottom * width + left] * (1 - across) + cells[bottom * width + right] * across) * down;
      }
    }
    return made;
  }

  function paint(canvas, values, table) {
    var context = canvas.getContext("2d"), picture = context.createImageData(SIDE, SIDE);
    for (var i = 0; i < values.length; i += 1) {
      var at = 4 * Math.min(255, Math.max(0, Math.round(values[i])));
      for (var c = 0; c < 4; c += 1) picture.data[4 * i + c] = table[at + c];
    }
    context.putImageData(picture, 0, 0);
  }

  Array.prototype.forEach.call(document.querySelectorAll("[data-map-comparison]"), function (box) {
    var models = Array.prototype.map.call(box.querySelectorAll("[data-values]"), function (node) {
      var height = Number(node.dataset.height), width = Number(node.dataset.width);
      return {
        name: node.dataset.name, method: node.dataset.method, height: height, width: width,
        rows: node.dataset.rows.split(" ").map(Number), columns: node.dataset.columns.split(" ").map(Number), predicted: Number(node.dataset.predicted),
        text: node.dataset.values, values: null
      };
    });
    var label = Number(box.dataset.label);
    var classes = Array.prototype.map.call(box.querySelectorAll("[data-class]"), function (node) { return node.dataset.class; });
    var panes = Array.prototype.slice.call(box.querySelectorAll("[data-pane]"));
    var own = box.querySelector("[data-own]");
    var strength = box.querySelector("input[type=range]");
    var difference = box.querySelector("[data-difference]");
    difference.querySelector(".stacked").classList.add("mapped");

    function cells(m, c) {
      var model = models[m], size = model.height * model.width;
      if (!model.values) model.values = numbers(model.text);
      return model.values.subarray(c * size, (c + 1) * size);
    }

    function picked(pane) {
      var value = pane.querySelector("select").value;
      if (!value) return null;
      var parts = value.split(" ");
      return { m: Number(parts[0]), c: Number(parts[1]) };
    }

    function evidence(one) {
      var model = models[one.m], values = enlarge(cells(one.m, one.c), model), most = 0;
      for (var i = 0; i < values.length; i += 1) most = Math.max(most, values[i]);
      one.blank = most === 0;
      if (own.checked && most > 0) for (var j = 0; j < values.length; j += 1) values[j] *= 255 / most;
      return values;
    }

    function words(one) {
      return classes[one.c] + ", " + models[one.m].name;
    }

    function draw() {
      var shown = panes.map(function (pane) {
        var one = picked(pane), canvas = pane.querySelector("canvas"), note = pane.querySelector("small");
        canvas.hidden = !one;
        pane.querySelector(".stacked").classList.toggle("mapped", Boolean(one));
        note.textContent = "";
        if (!one) return null;
        one.values = evidence(one);
        paint(canvas, one.values, ramp.heat);
        canvas.setAttribute("aria-label", models[one.m].method + " map of " + models[one.m].name + " for " + classes[one.c]);
        note.textContent = models[one.m].name + (one.blank ? ": blank, no positive evidence" : "");
        return one;
      });
      var a = shown[0], b = shown[1], both = Boolean(a && b);
      difference.hidden = !both;
      if (both) {
        var values = a.values.map(function (value, i) { return 127.5 + (value - b.values[i]) / 2; });
        var canvas = difference.querySelector("canvas");
        paint(canvas, values, ramp.difference);
        canvas.setAttribute("aria-label", "Difference of the maps for " + words(a) + " and " + words(b));
        difference.querySelector("small").textContent = "orange " + words(a) + "; violet " + words(b) + (a.m !== b.m && !own.checked ? ". Two models have no scale in common: each is on its own here" : "");
      }
      opacity();
    }

    function opacity() {
      Array.prototype.forEach.call(box.querySelectorAll("canvas"), function (canvas) { canvas.style.opacity = strength.value / 100; });
    }

    panes.forEach(function (pane, index) {
      var select = pane.querySelector("select");
      select.appendChild(new Option("the image alone", ""));
      models.forEach(function (model, m) {
        var group = document.createElement("optgroup");
        group.label = model.name;
        classes.forEach(function (name, c) {
          var what = (c === model.predicted ? " (prediction)" : "") + (c === label ? " (label)" : "");
          group.appendChild(new Option(name + what, m + " " + c));
        });
        select.appendChild(group);
      });
      // First what is asked most: the answer against the label where it is wrong, else one model against the other.
      var first = models[0], wrong = models.findIndex(function (model) { return label >= 0 && model.predicted !== label; });
      if (wrong >= 0) select.value = wrong + " " + (index ? label : models[wrong].predicted);
      else if (index && models.length > 1) select.value = "1 " + models[1].predicted;
      else if (!index) select.value = "0 " + first.predicted;
      select.addEventListener("change", draw);
      // Held down, the face shows without its map.
      var picture = pane.querySelector(".stacked");
      picture.addEventListener("pointerdown", function () { picture.classList.add("bare"); });
      ["pointerup", "pointercancel", "pointerleave"].forEach(function (name) {
        picture.addEventListener(name, function () { picture.classList.remove("bare"); });
      });
    });
    own.addEventListener("change", draw);
    strength.addEventListener("input", opacity);
    Array.prototype.forEach.call(box.querySelectorAll("canvas"), function (canvas) { canvas.width = canvas.height = SIDE; });
    box.hidden = false;

    // Where all pages are in one file, most are never looked at: drawn when they come on screen.
    if (window.IntersectionObserver) {
      var watch = new IntersectionObserver(function (entries) {
        if (!entries.some(function (entry) { return entry.isIntersecting; })) return;
        watch.disconnect();
        draw();
      }, { rootMargin: "400px" });
      watch.observe(box);
    } else draw();
  });
})();
