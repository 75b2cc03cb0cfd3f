// Draws every <canvas data-chart> from the JSON beside it. Nothing is computed here: the server
// sends labels and values, this file maps a kind to the options of Chart.js.
(() => {
  "use strict";
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
  const short = (value) => compact.format(value).replace("K", "k");
  const units = {
    count: (value) => (Number.isInteger(value) || Math.abs(value) >= 10 ? short(value) : small.format(value)),
    usd: (value) => `$${Math.abs(value) >= 1000 ? short(value) : small.format(value)}`,
    ms: (value) => (Math.abs(value) < 1000 ? `${small.format(value)} ms` : `${small.format(value / 1000)} s`),
    share: (value) => `${small.format(value * 100)} %`,
  };
  const tokens = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5", "--chart-6"];
  const tones = { bad: "--chart-bad", good: "--chart-good", muted: "--chart-muted" };

  // A probe resolves light-dark() and var(): a canvas needs a plain colour.
  function colour(token) {
    const probe = document.createElement("i");
    probe.className = "chart-probe";
    document.body.append(probe);
    probe.style.color = `var(${token})`;
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  }

  const kinds = {
    line: { type: "line", dataset: { borderWidth: 2, pointRadius: 0, pointHoverRadius: 4, tension: 0.25, spanGaps: false } },
    bars: { type: "bar", dataset: { borderWidth: 0, borderRadius: 2, maxBarThickness: 28, categoryPercentage: 0.86, barPercentage: 0.94 } },
    stacked: { type: "bar", stacked: true, dataset: { borderWidth: 0, borderRadius: 2, maxBarThickness: 28, categoryPercentage: 0.86, barPercentage: 0.94 } },
  };

  function dataset(kind, series, index) {
    const paint = colour(tones[series.tone] || tokens[index % tokens.length]);
    return {
      ...kind.dataset,
      label: series.name,
      data: series.values,
      borderColor: paint,
      backgroundColor: paint,
    };
  }

  function options(kind, chart) {
    const text = colour("--ink-3");
    const grid = colour("--line");
    const format = units[chart.unit] || units.count;
    return {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: {
        legend: { display: false },
        tooltip: {
          backgroundColor: colour("--tip"),
          padding: 10,
          boxPadding: 4,
          usePointStyle: true,
          callbacks: { label: (item) => ` ${item.dataset.label}: ${format(item.raw)}` },
        },
      },
      scales: {
        x: {
          stacked: Boolean(kind.stacked),
          grid: { display: false },
          border: { color: grid },
          ticks: { color: text, maxRotation: 0, autoSkip: true, autoSkipPadding: 18, font: { size: 11 } },
        },
        y: {
          stacked: Boolean(kind.stacked),
          beginAtZero: true,
          border: { display: false },
          grid: { color: grid, drawTicks: false },
          ticks: { color: text, padding: 8, maxTicksLimit: 5, font: { size: 11 }, callback: (value) => format(value) },
        },
      },
    };
  }

  function draw(canvas) {
    const source = document.getElementById(canvas.dataset.chart);
    if (!source) return;
    const chart = JSON.parse(source.textContent);
    const kind = kinds[chart.kind] || kinds.line;
    Chart.getChart(canvas)?.destroy();
    new Chart(canvas, {
      type: kind.type,
      data: { labels: chart.labels, datasets: chart.series.map((one, index) => dataset(kind, one, index)) },
      options: options(kind, chart),
    });
  }

  function drawAll(scope) {
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    for (const canvas of scope.querySelectorAll("canvas[data-chart]")) draw(canvas);
  }
  drawAll(document);
  document.addEventListener("assay:theme", () => drawAll(document));
  document.addEventListener("htmx:afterSettle", (event) => drawAll(event.detail.elt));
})();
