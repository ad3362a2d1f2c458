// Runs a batch of changed copies of a project against its tests in a private candidate.
// Reads job.json beside itself, writes one JSON line per result to out.jsonl beside itself.
'use strict';
const fs = require('fs');
const path = require('path');
const os = require('os');
const url = require('url');
const { spawnSync } = require('child_process');

const here = __dirname;
const root = process.cwd();
const job = JSON.parse(fs.readFileSync(path.join(here, 'job.json'), 'utf8'));
const out = fs.openSync(path.join(here, 'out.jsonl'), 'w');
const send = (record) => fs.writeSync(out, JSON.stringify(record) + '\n');

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
    const name = m[2].replace(/\s+# .*$/, '');
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

function jest(text) {
  let report;
  try {
    report = JSON.parse(text.slice(text.indexOf('{')));
  } catch {
    return null;
  }
  const cases = [];
  for (const suite of report.testResults || []) {
    const file = path.relative(root, suite.name);
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

// One run of some test files. Each file is a case of its own too: it passes when its process ends well.
function run(files, extra, env, timeout) {
  const groups = job.apart ? files.map((f) => [f]) : [files];
  const cases = [];
  for (const group of groups) {
    const [program, ...args] = job.argv;
    const began = Date.now();
    const r = spawnSync(program === 'node' ? process.execPath : program, [...args, ...extra, ...group], {
      cwd: root,
      env: { ...process.env, ...env, NODE_ENV: process.env.NODE_ENV || 'test', FORCE_COLOR: '0' },
      timeout,
      killSignal: 'SIGKILL',
      maxBuffer: 32 << 20,
      encoding: 'utf8',
    });
    const label = group.length === 1 ? group[0] : '<all>';
    const text = r.stdout || '';
    const found = job.format === 'jest' ? jest(text) || [] : tap(text, label);
    cases.push(...found);
    const bad = r.status !== 0;
    if (bad && r.error && r.error.code === 'ETIMEDOUT') {
      cases.push({ case: label, status: 'failed', ms: Date.now() - began, message: 'took too long and was stopped', frames: [] });
    } else if (bad && !found.some((c) => c.status === 'failed')) {
      cases.push({ case: label, status: 'failed', ms: Date.now() - began, ...trouble(`${r.stderr || ''}\n${text.slice(-1500)}`) });
    } else if (!found.length) {
      cases.push({ case: label, status: bad ? 'failed' : 'passed', ms: Date.now() - began });
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

function baseline() {
  const cases = run(job.files, [], {}, job.timeout_ms * 3);
  const deadline = Date.now() + job.coverage_ms;
  for (const one of cases) {
    const parts = one.case.split(' > ');
    if (job.format === 'tap' && job.argv.includes('--test-reporter=tap') && parts.length > 1 && Date.now() < deadline) {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rightseat-cov-'));
      const name = parts[parts.length - 1].replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
      const [program, ...args] = job.argv;
      spawnSync(program === 'node' ? process.execPath : program, [...args, `--test-name-pattern=^${name}$`, parts[0]], {
        cwd: root,
        env: { ...process.env, NODE_V8_COVERAGE: folder },
        timeout: job.timeout_ms,
        killSignal: 'SIGKILL',
        maxBuffer: 32 << 20,
      });
      const lines = covered(folder);
      if (Object.keys(lines).length) one.lines = lines;
      fs.rmSync(folder, { recursive: true, force: true });
    }
    send(one);
  }
  send({ end: true });
}

function mutants() {
  const until = Date.now() + job.batch_ms;
  for (const mutant of job.mutants) {
    if (Date.now() > until) break;
    const kept = {};
    for (const [file, text] of Object.entries(mutant.files)) {
      kept[file] = fs.readFileSync(file);
      fs.writeFileSync(file, text);
    }
    try {
      const focus = new Set(job.focus);
      const found = run(job.focus_files, [], {}, job.timeout_ms);
      const passed = found.filter((c) => c.status === 'passed' && focus.has(c.case)).map((c) => c.case);
      const result = { mutant: mutant.id, passed };
      if (passed.length) {
        const rest = job.files.filter((f) => !job.focus_files.includes(f));
        const whole = job.apart ? [...found, ...(rest.length ? run(rest, [], {}, job.timeout_ms) : [])] : run(job.files, [], {}, job.timeout_ms);
        result.whole = {
          passed: whole.filter((c) => c.status === 'passed').map((c) => c.case),
          failed: whole.filter((c) => c.status === 'failed').map((c) => c.case),
          ended: true,
        };
      }
      send(result);
    } finally {
      for (const [file, data] of Object.entries(kept)) fs.writeFileSync(file, data);
    }
  }
}

if (job.mode === 'baseline') baseline();
else mutants();
