// Runs a batch of changed copies of a project against its tests in a private candidate.
// Reads job.json beside itself, writes one JSON line per result to out.jsonl beside itself.
'use strict';
const fs = require('fs');
const path = require('path');
const os = require('os');
const url = require('url');
const { spawn } = require('child_process');

const here = __dirname;
const root = process.cwd();
const job = JSON.parse(fs.readFileSync(path.join(here, 'job.json'), 'utf8'));
const out = fs.openSync(path.join(here, 'out.jsonl'), 'w');
const send = (record) => fs.writeSync(out, JSON.stringify(record) + '\n');

// Programs of packages are found, and a change that collects without end is stopped before the machine is full.
const HEAP = '--max-old-space-size=512';
const settings = (base, extra) => {
  const env = { ...process.env, ...job.env, ...extra, NODE_ENV: process.env.NODE_ENV || 'test', FORCE_COLOR: '0', CI: '1' };
  env.PATH = `${path.join(base, 'node_modules/.bin')}${path.delimiter}${env.PATH || ''}`;
  env.NODE_OPTIONS = `${env.NODE_OPTIONS || ''} ${HEAP}`.trim();
  return env;
};

// The program and arguments that run tests. Some package managers put shell scripts where others link programs.
function started() {
  const [program, ...args] = job.argv;
  if (program !== 'node') return [program, args];
  const script = args[0] || '';
  if (script.includes('node_modules/.bin/') && fs.existsSync(script) && /^#!.*\bsh\b/.test(fs.readFileSync(script, 'utf8'))) {
    return [script, args.slice(1)];
  }
  return [process.execPath, args];
}

// Names from TAP with nested subtests, each joined to its parents; leaves only.
function tap(text, file) {
  const cases = [];
  const stack = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    const indent = line.length - line.trimStart().length;
    const sub = /^\s*# Subtest: (.*)$/.exec(line);
    if (sub) {
      const depth = Math.floor(indent / 4);
      stack.length = Math.min(stack.length, depth);
      stack[depth] = { name: sub[1], children: 0 };
      if (depth > 0 && stack[depth - 1]) stack[depth - 1].children++;
      continue;
    }
    const m = /^\s*(not )?ok \d+(?: - )?(.*)$/.exec(line);
    if (!m) continue;
    const skipped = /# (SKIP|TODO)/i.test(m[2]);
    const name = m[2].replace(/\s+# .*$/, '').trim();
    const depth = Math.floor(indent / 4);
    const own = stack[depth] && stack[depth].name === name ? stack[depth] : null;
    const parents = stack.slice(0, depth).filter(Boolean).map((s) => s.name);
    const block = [];
    if (/^\s*---$/.test(lines[i + 1] || '')) {
      for (let j = i + 2; j < lines.length && !/^\s*\.\.\.$/.test(lines[j]); j++) block.push(lines[j].slice(indent));
    }
    stack.length = Math.min(stack.length, depth);
    if (skipped || (own && own.children > 0) || name === file || path.resolve(name) === path.resolve(file)) continue;
    const id = [file, ...parents, name].join(' > ');
    const record = { case: id, status: m[1] ? 'failed' : 'passed', ms: 0 };
    const took = /duration_ms: ([\d.]+)/.exec(block.join('\n'));
    if (took) record.ms = Math.round(Number(took[1]));
    if (m[1]) Object.assign(record, trouble(block.join('\n')));
    cases.push(record);
  }
  return cases;
}

function trouble(text) {
  const frames = [];
  for (const m of text.matchAll(/at (?:async )?(?:(.*?) \()?(?:file:\/\/)?(\/[^:\n)]+):(\d+):\d+/g)) {
    const file = path.relative(root, m[2]);
    if (!file.startsWith('..') && !file.includes('node_modules') && !file.startsWith('.rightseat-trial')) {
      frames.unshift([file, Number(m[3]), (m[1] || '').split('.').pop()]);
    }
  }
  return { message: text.slice(0, 1500), frames: frames.slice(-30) };
}

function jest(text, base) {
  let report;
  try {
    report = JSON.parse(text.slice(text.indexOf('{')));
  } catch {
    return null;
  }
  const cases = [];
  for (const suite of report.testResults || []) {
    const file = path.relative(base, suite.name);
    for (const one of suite.assertionResults || []) {
      if (one.status !== 'passed' && one.status !== 'failed') continue;
      const record = { case: [file, ...one.ancestorTitles, one.title].join(' > '), status: one.status, ms: one.duration || 0 };
      if (one.status === 'failed') Object.assign(record, trouble((one.failureMessages || []).join('\n')));
      cases.push(record);
    }
    if (!suite.assertionResults?.length && suite.status === 'failed') {
      cases.push({ case: file, status: 'failed', ms: 0, ...trouble(suite.message || '') });
    }
  }
  return cases;
}

// One process in a group of its own, so that what it started ends with it.
function execute(args, base, extra, timeout, stuck = () => false) {
  const [program, first] = started();
  return new Promise((resolve) => {
    const began = Date.now();
    const out = { status: null, late: false, stdout: '', stderr: '' };
    const child = spawn(program, [...first, ...args], {
      cwd: base,
      env: settings(base, extra),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    };
    const clock = setInterval(() => {
      if (Date.now() - began < timeout && !stuck()) return;
      out.late = true;
      end();
    }, 50);
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8');
      child[name].on('data', (text) => {
        if (out[name].length < 32 << 20) out[name] += text;
      });
    }
    const done = (status) => {
      clearInterval(clock);
      resolve({ ...out, status, ms: Date.now() - began });
    };
    child.on('error', (error) => {
      out.stderr += String(error);
      done(null);
    });
    child.on('close', (status) => {
      end();
      done(status);
    });
  });
}

// The longest that a process took that came to its end.
let longest = 0;

// One run of some test files. Each file is a case of its own too: it passes when its process ends well.
async function run(base, files, timeout) {
  const groups = job.apart ? files.map((f) => [f]) : [files];
  const cases = [];
  for (const group of groups) {
    const r = await execute(group, base, {}, timeout);
    if (!r.late) longest = Math.max(longest, r.ms);
    const label = group.length === 1 ? group[0] : '<all>';
    const text = r.stdout;
    const found = job.format === 'jest' ? jest(text, base) || [] : tap(text, label);
    cases.push(...found);
    const bad = r.status !== 0;
    if (r.late) {
      cases.push({ case: label, status: 'failed', ms: r.ms, message: 'took too long and was stopped', frames: [] });
    } else if (bad && !found.some((c) => c.status === 'failed')) {
      cases.push({ case: label, status: 'failed', ms: r.ms, ...trouble(`${r.stderr}\n${text.slice(-1500)}`) });
    } else if (!found.length) {
      cases.push({ case: label, status: bad ? 'failed' : 'passed', ms: r.ms });
    } else {
      cases.push({ case: label, status: bad ? 'failed' : 'passed', ms: 0 });
    }
  }
  return cases;
}

// Lines that ran, from V8's own block coverage: ranges count, inner ones override outer ones.
function covered(folder) {
  const hits = {};
  for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
    let report;
    try {
      report = JSON.parse(fs.readFileSync(path.join(folder, name), 'utf8'));
    } catch {
      continue;
    }
    for (const script of report.result || []) {
      if (!script.url.startsWith('file://')) continue;
      const file = path.relative(root, url.fileURLToPath(script.url));
      if (file.startsWith('..') || file.includes('node_modules') || file.startsWith('.rightseat-trial')) continue;
      const text = fs.readFileSync(path.join(root, file), 'utf8');
      const ran = new Uint8Array(text.length);
      for (const fn of script.functions) {
        if (!fn.functionName && fn.ranges[0]?.startOffset === 0) continue;
        for (const range of fn.ranges) ran.fill(range.count > 0 ? 1 : 0, range.startOffset, range.endOffset);
      }
      const lines = (hits[file] = hits[file] || new Set());
      let line = 1;
      for (let i = 0; i < text.length; i++) {
        if (text[i] === '\n') line++;
        else if (ran[i] && text[i] !== ' ' && text[i] !== '}' && text[i] !== '\t') lines.add(line);
      }
    }
  }
  return Object.fromEntries(Object.entries(hits).map(([f, s]) => [f, [...s]]));
}

async function baseline() {
  const cases = await run(root, job.files, job.timeout_ms * 3);
  send({ process_ms: longest });
  const deadline = Date.now() + job.coverage_ms;
  for (const one of cases) {
    const parts = one.case.split(' > ');
    if (job.format === 'tap' && job.argv.includes('--test-reporter=tap') && parts.length > 1 && Date.now() < deadline) {
      const folder = fs.mkdtempSync(path.join(here, 'coverage-'));
      const name = parts[parts.length - 1].replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
      await execute([`--test-name-pattern=^${name}$`, parts[0]], root, { NODE_V8_COVERAGE: folder }, job.timeout_ms);
      const lines = covered(folder);
      if (Object.keys(lines).length) one.lines = lines;
      fs.rmSync(folder, { recursive: true, force: true });
    }
    send(one);
  }
  send({ end: true });
}

// Once a change makes everything pass only a few more are of interest: the list has the likely ones first.
let left = Infinity;

async function attempt(base, mutant) {
  left--;
  const kept = {};
  for (const [file, text] of Object.entries(mutant.files)) {
    const full = path.join(base, file);
    kept[full] = fs.readFileSync(full);
    fs.writeFileSync(full, text);
  }
  try {
    const focus = new Set(job.focus);
    const found = await run(base, job.focus_files, job.timeout_ms);
    const passed = found.filter((c) => c.status === 'passed' && focus.has(c.case)).map((c) => c.case);
    const result = { mutant: mutant.id, passed };
    if (passed.length) {
      const rest = job.apart ? job.files.filter((f) => !job.focus_files.includes(f)) : job.files;
      // Where files cannot be told apart the first run was of everything.
      const complete = job.apart ? !rest.length : !job.focus_files.length;
      const more = complete ? [] : await run(base, rest, job.timeout_ms);
      const whole = job.apart || complete ? [...found, ...more] : more;
      result.whole = {
        passed: whole.filter((c) => c.status === 'passed').map((c) => c.case),
        failed: whole.filter((c) => c.status === 'failed').map((c) => c.case),
        ended: true,
      };
      if (!result.whole.failed.length) left = Math.min(left, job.grace ?? 12);
    }
    send(result);
  } finally {
    for (const [full, data] of Object.entries(kept)) fs.writeFileSync(full, data);
  }
}

// A second copy of the project, so that two changes are tried at a time; inside this folder, so that nothing is left
// when this process is stopped. None for runners that would take its tests for the project's own, and where one of its
// own packages has packages, which a copy would not find.
function twin(count) {
  const blind = job.apart || path.basename(job.argv[1] || '') === 'mocha';
  if (os.cpus().length < 2 || count < 4 || !blind) return null;
  const folder = path.join(here, 'twin');
  const packages = path.join(root, 'node_modules');
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  if (fs.existsSync(packages)) fs.symlinkSync(packages, path.join(folder, 'node_modules'));
  if (copied(folder, 32 << 20)) return folder;
  fs.rmSync(folder, { recursive: true, force: true });
  return null;
}

// Jest and Vitest take long to start and little for one project more: many changed copies are tested in one run.
const JEST = `
const fs = require('fs');
const tell = (record) => fs.appendFileSync(process.env.RIGHTSEAT_POOL, JSON.stringify(record) + '\\n');
module.exports = class {
  onTestFileStart(test) { tell({ began: test.path }); }
  onTestFileResult(test, result) {
    const cases = result.testResults.map((c) => ({ name: [...c.ancestorTitles, c.title], status: c.status }));
    tell({ ended: test.path, cases, broken: Boolean(result.testExecError) });
  }
};
`;

const VITEST = `
import fs from 'node:fs';
const tell = (record) => fs.appendFileSync(process.env.RIGHTSEAT_POOL, JSON.stringify(record) + '\\n');
export default class {
  onTestModuleStart(module) { tell({ began: module.moduleId }); }
  onTestModuleEnd(module) {
    const cases = [...module.children.allTests()].map((c) => ({ name: [c.fullName], status: c.result().state }));
    tell({ ended: module.moduleId, cases, broken: false });
  }
}
`;

// Settings that would lead a copy's tests back to the sources of the project itself, or not let them be found.
const SETTINGS = /alias|include|setupFiles|globalSetup|projects|workspace|root\s*:/;

// How one run of some copies is started: its reporter and its arguments; nothing where copies cannot be told apart.
function pooling(roots) {
  const program = path.basename(job.argv[1] || '');
  if (program === 'jest') {
    const reporter = path.join(here, 'reporter.cjs');
    // Patterns stand first: `--projects` takes all that follows.
    const args = [...job.focus_files, '-w', '2', '--reporters', reporter, '--projects', ...roots];
    return { reporter, text: JEST, args };
  }
  const configs = fs.readdirSync(root).filter((name) => /^(vite|vitest)\.(config|workspace)\./.test(name));
  if (program !== 'vitest' || configs.some((name) => SETTINGS.test(fs.readFileSync(path.join(root, name), 'utf8')))) return null;
  const reporter = path.join(here, 'reporter.mjs');
  const files = roots.flatMap((r) => job.focus_files.map((f) => path.relative(root, path.join(r, f))));
  return { reporter, text: VITEST, args: [`--reporter=${reporter}`, ...files] };
}

// Runs the changes that wait against the focus files; what passes is then tried in place, and what hung is dropped.
async function pool(waiting, until) {
  const folder = path.join(here, 'pool');
  const told = path.join(here, 'pool.jsonl');
  while (waiting.length && left > 0 && Date.now() < until) {
    const some = waiting.splice(0, 24);
    fs.rmSync(folder, { recursive: true, force: true });
    fs.writeFileSync(told, '');
    for (const mutant of some) {
      if (!copied(path.join(folder, String(mutant.id)), 2 << 20)) {
        fs.rmSync(folder, { recursive: true, force: true });
        return waiting.unshift(...some);
      }
      for (const [file, text] of Object.entries(mutant.files)) {
        fs.writeFileSync(path.join(folder, String(mutant.id), file), text);
      }
    }
    const roots = some.map((m) => path.join(folder, String(m.id)));
    const { reporter, text, args } = pooling(roots);
    fs.writeFileSync(reporter, text);
    const quiet = () => Date.now() - fs.statSync(told).mtimeMs > job.timeout_ms * 2;
    await execute(args, root, { RIGHTSEAT_POOL: told }, until - Date.now() + job.timeout_ms, quiet);
    const records = fs.readFileSync(told, 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l));
    // Before anything runs in place: Jest would take the copies' tests for the project's own.
    fs.rmSync(folder, { recursive: true, force: true });
    if (!records.length) return waiting.unshift(...some);
    for (const mutant of some) {
      const base = path.join(folder, String(mutant.id));
      const mine = records.filter((r) => (r.began || r.ended).startsWith(base + path.sep));
      const ended = mine.filter((r) => r.ended);
      const focus = new Set(job.focus);
      const passed = ended.flatMap((r) =>
        r.cases
          .filter((c) => c.status === 'passed')
          .map((c) => [path.relative(base, r.ended), ...c.name].join(' > '))
          .filter((id) => focus.has(id)),
      );
      if (left <= 0) waiting.push(mutant);
      else if (passed.length) await attempt(root, mutant);
      else if (mine.length) send({ mutant: mutant.id, passed: [] });
      else waiting.push(mutant);
    }
  }
}

// A copy without packages: they are found above it. Told: whether that is so, and whether it is small.
function copied(to, bytes) {
  fs.mkdirSync(to, { recursive: true });
  let nested = false;
  const wanted = (from) => {
    const entry = fs.lstatSync(from);
    bytes -= entry.isFile() ? entry.size : 0;
    if (path.basename(from) === 'node_modules' || bytes < 0) nested = true;
    return !nested;
  };
  for (const name of fs.readdirSync(root)) {
    if (name === '.git' || name === path.basename(here) || name === 'node_modules') continue;
    fs.cpSync(path.join(root, name), path.join(to, name), { recursive: true, filter: wanted });
  }
  return !nested;
}

async function mutants() {
  const until = Date.now() + job.batch_ms;
  const waiting = [...job.mutants];
  if (waiting.length > 2 && pooling([])) await pool(waiting, until);
  const lane = async (base) => {
    while (base && waiting.length && left > 0 && Date.now() < until) await attempt(base, waiting.shift());
  };
  const second = twin(waiting.length);
  await Promise.all([lane(root), lane(second)]);
  if (second) fs.rmSync(second, { recursive: true, force: true });
}

(job.mode === 'baseline' ? baseline() : mutants()).then(() => fs.closeSync(out));
