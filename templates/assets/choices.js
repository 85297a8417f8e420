// The words of the explorer's filter: each is read into a mask over the images, or into one for each model.
(function () {
  "use strict";

  // What people type for the filter's words.
  var ALIASES = {
    label: "true", truth: "true", emotion: "true", actual: "true", predicted: "pred", prediction: "pred", said: "pred",
    confidence: "conf", probability: "conf", area: "region", image: "id", correct: "right", hit: "right", incorrect: "wrong",
    error: "wrong", errors: "wrong", mistake: "wrong", mistakes: "wrong", disagree: "differ", different: "differ", same: "agree"
  };
  var BARE = ["right", "wrong", "agree", "differ"];

  // Letters to change, add, drop or swap to get from one word to the other.
  function distance(a, b) {
    var rows = [], i, j;
    for (i = 0; i <= a.length; i += 1) rows.push([i]);
    for (j = 1; j <= b.length; j += 1) rows[0][j] = j;
    for (i = 1; i <= a.length; i += 1) {
      for (j = 1; j <= b.length; j += 1) {
        rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
    return rows[a.length][b.length];
  }

  // Of the words those that are meant by a misspelt one, the nearest first; an exact one alone.
  function nearest(word, words) {
    var most = word.length < 4 ? 1 : word.length < 8 ? 2 : 3;
    var found = words.map(function (one) {
      return [word.length > 2 && one.startsWith(word) ? 0.5 : distance(word, one), one];
    }).filter(function (pair) { return pair[0] <= most && pair[0] < word.length; });
    found.sort(function (a, b) { return a[0] - b[0]; });
    var least = found.length ? found[0][0] : 0;
    return found.filter(function (pair) { return pair[0] <= least + 0.5; }).slice(0, 3).map(function (pair) { return pair[1]; });
  }

  // The same, where people have other names for the words.
  function named(word, words) {
    var others = Object.keys(ALIASES).filter(function (one) { return words.indexOf(ALIASES[one]) >= 0; });
    var found = Object.prototype.hasOwnProperty.call(ALIASES, word) ? [word] : nearest(word, words.concat(others));
    found = found.map(function (one) { return words.indexOf(one) >= 0 ? one : ALIASES[one]; });
    return found.filter(function (one, place) { return words.indexOf(one) >= 0 && found.indexOf(one) === place; });
  }

  window.reportgenChoices = function (data) {
    var total = data.ids.length, classes = data.classes.length;
    var everyModel = data.models.map(function (_, m) { return m; });
    var names = data.names.map(function (name) { return name.toLowerCase(); });
    var predicted = data.models.map(function (model) { return Int16Array.from(model.predicted); });
    var labels = Int16Array.from(data.labels);
    var modelSlugs = data.models.map(function (model) { return model.slug; });
    var confidence = data.models.map(function (model, m) {
      var made = new Int16Array(total);
      for (var row = 0; row < total; row += 1) made[row] = model.probabilities[row * classes + predicted[m][row]];
      return made;
    });

    // "cnn" means the one that is called so; where none is, all that begin so.
    function resolve(slugs, value) {
      var exact = slugs.indexOf(value);
      if (exact >= 0) return [exact];
      return slugs.reduce(function (all, slug, index) { return value && slug.startsWith(value) ? all.concat(index) : all; }, []);
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
        return { only: resolve(modelSlugs, value) };
      },
      conf: function (value) {
        var below = value.charAt(0) === "<";
        var limit = 1000 * parseFloat(value.replace(/^[<>]=?/, ""));
        if (isNaN(limit)) return {};
        return { models: perModel(function (row, m) { return below ? confidence[m][row] < limit : confidence[m][row] >= limit; }) };
      },
      id: function (value) {
        return { rows: mask(function (row) { return data.ids[row].startsWith(value); }) };
      },
      note: function (value) {
        return { rows: mask(function (row) { return data.notes[row].toLowerCase().indexOf(value) >= 0; }) };
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
    // What may stand behind a word, for hints.
    var VALUES = { "true": data.slugs.concat("none"), pred: data.slugs, model: modelSlugs, has: ["page"] };
    if (data.peaks.length) {
      READERS.region = function (value) {
        var allowed = resolve(data.regions, value);
        return { models: perModel(function (row, m) { return allowed.indexOf(data.peaks[m][row]) >= 0; }) };
      };
      VALUES.region = data.regions;
    }
    data.sets.forEach(function (set) {
      READERS[set.kind] = function (value) {
        var bits = resolve(set.slugs, value).reduce(function (all, index) { return all | (1 << index); }, 0);
        return { models: perModel(function (row, m) { return (set.bits[m][row] & bits) !== 0; }) };
      };
      VALUES[set.kind] = set.slugs;
    });
    data.facets.forEach(function (facet) {
      READERS[facet.kind] = function (value) {
        if (value === "none" && facet.slugs.indexOf("none") < 0) return { rows: isOneOf(facet.values, [-1]) };
        return { rows: isOneOf(facet.values, resolve(facet.slugs, value)) };
      };
      VALUES[facet.kind] = facet.slugs;
    });

    function isWord(word) {
      var cut = word.indexOf(":"), key = cut < 0 ? word : word.slice(0, cut);
      return Object.prototype.hasOwnProperty.call(READERS, key) && (cut >= 0) === (BARE.indexOf(key) < 0);
    }

    // Either of two values of the same word.
    function either(a, b) {
      function join(one, other) {
        return one.map(function (bit, row) { return bit | other[row]; });
      }
      if (a.rows) return { rows: join(a.rows, b.rows) };
      if (a.models && b.models) return { models: everyModel.map(function (m) { return join(a.models[m], b.models[m]); }) };
      if (a.only) return { only: everyModel.filter(function (m) { return a.only.indexOf(m) >= 0 || b.only.indexOf(m) >= 0; }) };
      return a.models ? a : b;
    }

    function opposite(meaning) {
      function flip(bits) {
        return bits.map(function (bit) { return 1 - bit; });
      }
      if (meaning.rows) return { rows: flip(meaning.rows) };
      if (meaning.models) return { models: meaning.models.map(flip) };
      if (meaning.only) return { only: everyModel.filter(function (m) { return meaning.only.indexOf(m) < 0; }) };
      return meaning.same === undefined ? meaning : { same: !meaning.same };
    }

    var known = new Map();

    function read(raw) {
      var meaning = known.get(raw);
      if (meaning) return meaning;
      var not = raw.charAt(0) === "-" && raw.length > 1;
      var word = (not ? raw.slice(1) : raw).toLowerCase();
      var cut = word.indexOf(":"), key = cut < 0 ? word : word.slice(0, cut);
      if (isWord(word)) {
        meaning = word.slice(cut + 1).split(",").map(READERS[key]).reduce(either);
      } else {
        meaning = { rows: mask(function (row) { return names[row].indexOf(word) >= 0; }) };
      }
      if (not) meaning = opposite(meaning);
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

    function narrow(view, meaning) {
      var made = Object.assign({}, view);
      if (meaning.rows) made.rows = both(view.rows, meaning.rows);
      if (meaning.models) made.models = everyModel.map(function (m) { return both(view.models && view.models[m], meaning.models[m]); });
      if (meaning.only) made.allowed = view.allowed.filter(function (m) { return meaning.only.indexOf(m) >= 0; });
      if (meaning.same !== undefined) made.same = view.same === null || view.same === meaning.same ? meaning.same : "never";
      return made;
    }

    // A word about answers must hold for one and the same model: pred:fear wrong means "one model predicts fear, wrongly".
    function combine(words) {
      return words.reduce(function (view, word) {
        return narrow(view, read(word));
      }, { rows: null, models: null, allowed: everyModel, same: null });
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
          // Of all models, whichever is asked: one alone always agrees with itself.
          return everyModel.every(function (m) { return predicted[m][row] === predicted[0][row]; }) === view.same;
        }));
      }
      return made;
    }

    // Words that look like something else than they are read as: {word, text, instead: words that may be meant}.
    function hints(words) {
      var found = [];
      words.forEach(function (raw) {
        var sign = raw.charAt(0) === "-" && raw.length > 1 ? "-" : "";
        var word = raw.slice(sign.length).toLowerCase(), cut = word.indexOf(":");
        var text = "", instead = [];
        if (isWord(word)) {
          if (cut < 0) return;
          var key = word.slice(0, cut), values = VALUES[key], pieces = word.slice(cut + 1).split(",");
          if (key === "conf") {
            var bad = pieces.filter(function (value) { return isNaN(parseFloat(value.replace(/^[<>]=?/, ""))); });
            if (bad.length) found.push({ word: raw, text: "“conf:” needs a number, such as", instead: [sign + "conf:>0.8"] });
            return;
          }
          pieces.forEach(function (value) {
            // What is still being typed is not wrong yet.
            if (!values || !value || value === "none" || resolve(values, value).length) return;
            var like = nearest(value, values);
            if (!like.length && values.length <= 8) like = values;
            found.push({
              word: raw,
              text: "Nothing is called “" + value + "” here." + (like.length ? " Did you mean" : ""),
              instead: like.map(function (one) {
                return sign + key + ":" + pieces.map(function (piece) { return piece === value ? one : piece; }).join(",");
              })
            });
          });
          return;
        }
        if (cut > 0) {
          var typed = word.slice(0, cut);
          var keys = Object.keys(VALUES).concat("conf", "id", "note");
          var meant = named(typed, keys);
          text = "“" + typed + ":” is no word of the filter.";
          instead = meant.map(function (one) { return sign + one + word.slice(cut); });
        } else {
          var emotions = data.slugs.indexOf(word) >= 0 ? [word] : nearest(word, data.slugs);
          var exact = emotions[0] === word, inNames = read(sign ? raw.slice(1) : raw).rows.indexOf(1) >= 0;
          if (inNames && !exact) return;
          text = "“" + word + "” is searched in file names" + (inNames ? "." : ", and none has it.");
          if (exact) instead = ["true:" + word, "pred:" + word];
          else {
            instead = named(word, BARE).concat(emotions.map(function (one) { return "true:" + one; }));
            Object.keys(VALUES).forEach(function (key) {
              if (key === "true" || key === "pred") return;
              nearest(word, VALUES[key]).forEach(function (one) { instead.push(key + ":" + one); });
            });
          }
          instead = instead.slice(0, 4).map(function (one) { return sign + one; });
        }
        found.push({ word: raw, text: text + (instead.length ? " Did you mean" : ""), instead: instead });
      });
      return found;
    }

    return {
      data: data, total: total, classes: classes, everyModel: everyModel, names: names, predicted: predicted, labels: labels,
      confidence: confidence, bare: BARE, read: read, narrow: narrow, combine: combine, settle: settle, hints: hints
    };
  };
})();
