/** The page as an application of Hono: what is asked for, by whom, and what answers. */
import { Hono } from 'hono';
import { PosternError } from '../base/errors.ts';
import { type Clock, findZoneName } from '../base/time.ts';
import { ACTS } from './acts.ts';
import { Answers } from './answers.ts';
import type { Chart } from './chart.ts';
import { type App, type Ctx, type Env, isPartial } from './context.ts';
import type { Desk } from './desk.ts';
import { Gate } from './gate.ts';
import { addGuards } from './guards.ts';
import type { Html } from './html.ts';
import type { PAGES } from './layout.ts';
import { addLogin, hasToken, WRONG_TOKEN } from './login.ts';
import { blocksPage } from './pages/blocks.ts';
import { eventsPage, exportEvents } from './pages/events.ts';
import { Minutes, nowPage, nowPart } from './pages/now.ts';
import { actionsPage, auditPage, auditPart, listingsPage, milterPage } from './pages/others.ts';
import { queuePart } from './pages/queue.ts';
import { reportItself, reportPage } from './pages/report.ts';
import { nearPart, rulesPage, tryPart, tuningPart } from './pages/rules.ts';
import { findStory, storyChart, storyPage, storyTitle } from './pages/story.ts';
import { Sessions } from './sessions.ts';
import { StrangersLog } from './strangers-log.ts';
import { UserFile } from './users.ts';
import { buildView, type View } from './view.ts';

/** The report brings its own style and script, which have no rights here: it is another origin than the page. */
const REPORT_POLICY =
  "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";

type Make = (view: View) => Html | Promise<Html>;

const PAGES_MADE: readonly [(typeof PAGES)[number][0], string, Make][] = [
  ['/', 'Now', nowPage],
  ['/blocks', 'Blocks', blocksPage],
  ['/events', 'Events', eventsPage],
  ['/report', 'Report', reportPage],
  ['/rules', 'Rules', rulesPage],
  ['/milter', 'Milter', milterPage],
  ['/listings', 'Listings', listingsPage],
  ['/audit', 'Audit', auditPage],
  ['/actions', 'Actions', actionsPage],
];

/** Parts of pages that are loaded later. Without script each is a page of its own. */
const PARTS: readonly [string, string, Make][] = [
  ['/now/part', 'Now', nowPart],
  ['/story/queue', 'In the queue', queuePart],
  ['/rules/near', 'Near misses', nearPart],
  ['/rules/try', 'Another limit', tryPart],
  ['/rules/tuning', 'Half and double', tuningPart],
  ['/audit/run', 'Audit', auditPart],
];

/** The application, for `fetch`. */
export function buildApp(desk: Desk, clock: Clock): App {
  const { web } = desk.config;
  const app = new Hono<Env>();
  const users = new UserFile(web.users);
  const sessions = new Sessions(clock, web.session);
  const gate = new Gate(web, users, sessions);
  const strangers = new StrangersLog(desk.log, clock);
  const answers = new Answers(desk, strangers);
  addGuards(app, gate, answers);
  addLogin(app, { desk, clock, gate, users, sessions, answers, strangers });
  const seen = (c: Ctx) => buildView(desk, c.get('visitor'), new URL(c.req.url));
  addPages(app, seen, answers);
  addCharts(app, seen, desk, clock);
  addFiles(app, seen);
  addActs(app, desk, gate, answers);
  app.notFound((c) => answers.notFound(c));
  app.onError((error, c) => answers.fail(error, c));
  return app;
}

/** What a request looks at. */
type Seen = (c: Ctx) => View;

function addPages(app: App, seen: Seen, answers: Answers): void {
  for (const [path, title, make] of PAGES_MADE)
    app.get(path, async (c) => c.html(answers.show(c, title, await make(seen(c)), path)));
  app.get('/story', async (c) => {
    const view = seen(c);
    const story = findStory(view);
    if (story === undefined) return c.notFound();
    return c.html(answers.show(c, storyTitle(story), await storyPage(view, story), '/blocks'));
  });
  for (const [path, title, make] of PARTS)
    app.get(path, async (c) => {
      const part = await make(seen(c));
      return c.html(isPartial(c) ? part.text : answers.show(c, title, part));
    });
}

function addCharts(app: App, seen: Seen, desk: Desk, clock: Clock): void {
  const minutes = new Minutes();
  const send = (c: Ctx, chart: Chart) => c.json({ ...chart, zone: findZoneName(desk.config.zone) });
  app.get('/now/minutes', (c) => send(c, minutes.read(desk.store, clock.now())));
  app.get('/story/chart', (c) => {
    const view = seen(c);
    const story = findStory(view);
    if (story === undefined) return c.notFound();
    return send(c, storyChart(view, story, clock.now()));
  });
}

/** The report, and events for other programs. */
function addFiles(app: App, seen: Seen): void {
  app.get('/report/page', async (c) => {
    const result = await reportItself(seen(c));
    if ('failure' in result) throw new PosternError('usage', result.failure.trim());
    return c.html(result.page, 200, { 'Content-Security-Policy': REPORT_POLICY });
  });
  for (const [form, type] of [
    ['csv', 'text/csv'],
    ['jsonl', 'application/x-ndjson'],
  ] as const)
    app.get(`/events.${form}`, async (c) => {
      const ran = await exportEvents(seen(c), form);
      if (ran.status !== 0) throw new PosternError('usage', ran.err.trim());
      return c.body(ran.out, 200, {
        'Content-Type': `${type}; charset=utf-8`,
        'Content-Disposition': `attachment; filename="postern-events.${form}"`,
      });
    });
}

function addActs(app: App, desk: Desk, gate: Gate, answers: Answers): void {
  app.post('/act/:name', async (c) => {
    const visitor = c.get('visitor');
    const act = Object.hasOwn(ACTS, c.req.param('name')) ? ACTS[c.req.param('name')] : undefined;
    if (act === undefined) return c.notFound();
    if (!(await hasToken(c, gate))) return answers.refuse(c, WRONG_TOKEN);
    if (visitor.role !== 'act')
      return answers.refuse(
        c,
        `${visitor.name} may look at everything and change nothing (role: view).`,
      );
    const fields = await c.req.parseBody({ all: true });
    const form = (name: string) =>
      [fields[name] ?? []].flat().filter((value) => typeof value === 'string');
    return answers.goOn(c, await act({ desk, visitor, form }));
  });
}
