// Draws the charts of the page: each element with data-chart names where its numbers are.
// The numbers: { times: [s], series: [{ label, values, dash? }], zone }.
(() => {
  const charts = new Map();
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function options(box, data) {
    const clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: data.zone,
      hour: '2-digit',
      minute: '2-digit',
    });
    const day = new Intl.DateTimeFormat('en-CA', {
      timeZone: data.zone,
      month: '2-digit',
      day: '2-digit',
    });
    const label = (seconds) => {
      const text = clock.format(seconds * 1000);
      return text === '00:00' ? day.format(seconds * 1000) : text;
    };
    const axis = {
      stroke: color('--soft'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { stroke: color('--line') },
    };
    return {
      width: box.clientWidth,
      height: 190,
      cursor: { drag: { x: false, y: false } },
      scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.05)] } },
      axes: [
        { ...axis, values: (_plot, splits) => splits.map(label) },
        { ...axis, size: 48 },
      ],
      series: [
        {
          label: 'time',
          value: (_plot, seconds) =>
            seconds == null
              ? '--'
              : `${day.format(seconds * 1000)} ${clock.format(seconds * 1000)}`,
        },
        ...data.series.map(({ label, dash }, at) => ({
          label,
          stroke: color(`--series-${at + 1}`),
          width: 2,
          points: { show: false },
          ...(dash ? { dash: [6, 4] } : {}),
        })),
      ],
    };
  }

  async function draw(box) {
    let data;
    try {
      const response = await fetch(box.dataset.chart, { headers: { 'HX-Request': 'true' } });
      if (!response.ok) return;
      data = await response.json();
    } catch {
      return; // the page is just being left, or the service restarts
    }
    if (!box.isConnected) return;
    charts.get(box)?.plot.destroy();
    const values = [data.times, ...data.series.map((each) => each.values)];
    charts.set(box, { plot: new uPlot(options(box, data), values, box), data });
  }

  function redraw() {
    for (const [box, { plot, data }] of charts) {
      plot.destroy();
      if (!box.isConnected) {
        charts.delete(box);
        continue;
      }
      const values = [data.times, ...data.series.map((each) => each.values)];
      charts.set(box, { plot: new uPlot(options(box, data), values, box), data });
    }
  }

  let width = innerWidth;
  addEventListener('resize', () => {
    if (innerWidth === width) return;
    width = innerWidth;
    redraw();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  for (const box of document.querySelectorAll('[data-chart]')) {
    draw(box);
    if (box.dataset.every)
      setInterval(() => document.hidden || draw(box), Number(box.dataset.every) * 1000);
  }
  // What an action printed is where the reader goes on.
  document.querySelector('[data-focus]')?.focus();
})();
