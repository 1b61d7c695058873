// The page of `rille top --http`: asks once a second for all processes, and shows them. The token is the part of the address
// behind `#`, which browsers do not send anywhere by themselves.
"use strict";

const token = location.hash.slice(1);
const PERIOD_MS = 1000;

const columns = [
    {key: "pid", title: "PID"},
    {key: "parent", title: "Parent"},
    {key: "name", title: "Name", left: true},
    {key: "state", title: "State", left: true},
    {key: "threads", title: "Threads"},
    {key: "share", title: "CPU", down: true},
    {key: "cpu", title: "Time", down: true, show: row => row.cpu.toFixed(2) + " s"},
    {key: "memory", title: "Memory", down: true, show: row => size(row.memory)},
    {key: "pages", title: "Pages", down: true, show: row => size(row.pages)},
    {key: "faults", title: "Faults", down: true, show: row => row.faults.toLocaleString("en")},
    {key: "rate", title: "Calls/s", down: true, show: row => Math.round(row.rate).toLocaleString("en")},
    {key: "calls", title: "Calls", down: true, show: row => row.calls.toLocaleString("en")},
];

let order = {key: "share", down: true};
let before = null;   // the snapshot before: its machine, and its processes by number
let rows = [];
const shown = new Map(); // the table's rows by pid

const element = id => document.getElementById(id);

function size(bytes) {
    const units = ["B", "KiB", "MiB", "GiB"];
    let unit = 0;
    while (bytes >= 1000 && unit < units.length - 1) {
        bytes /= 1024;
        unit++;
    }
    return (bytes < 10 && unit > 0 ? bytes.toFixed(1) : Math.round(bytes)) + " " + units[unit];
}

function tell(text, bad) {
    element("message").textContent = text;
    element("message").className = bad ? "bad" : "";
}

async function ask(path, body) {
    const options = {headers: {"X-Rille-Token": token}, cache: "no-store"};
    if (body) {
        options.method = "POST";
        options.headers["Content-Type"] = "application/json";
        options.body = JSON.stringify(body);
    }
    const response = await fetch(path, options);
    const answer = await response.json();
    if (!answer.ok)
        throw new Error(answer.message || answer.error);
    return answer;
}

async function signal(pid, name) {
    try {
        await ask("/api/kill", {pid: pid, signal: name});
        tell(`sent ${name} to process ${pid}`);
    } catch (error) {
        tell(`process ${pid}: ${error.message}`, true);
    }
    refresh();
}

// -- The table --------------------------------------------------------------------------------------------------------

function button(text, className, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.className = className;
    made.addEventListener("click", action);
    return made;
}

function makeTitles() {
    for (const column of columns) {
        const title = document.createElement("th");
        title.scope = "col";
        title.className = column.left ? "left" : "";
        title.dataset.key = column.key;
        title.append(button(column.title, "", () => {
            order = {key: column.key, down: order.key === column.key ? !order.down : !!column.down};
            draw();
        }));
        element("titles").append(title);
    }
    element("titles").append(document.createElement("th"));
}

function makeRow(pid) {
    const made = document.createElement("tr");
    made.dataset.pid = pid;
    for (const column of columns) {
        const cell = document.createElement("td");
        cell.className = (column.left ? "left " : "") + column.key;
        if (column.key === "share") {
            const meter = document.createElement("meter");
            meter.max = 1;
            cell.append(meter, document.createElement("span"));
        }
        made.append(cell);
    }
    const actions = document.createElement("td");
    const stop = button("Stop", "stop", () => signal(pid, stop.textContent === "Stop" ? "STOP" : "CONT"));
    actions.append(stop, " ", button("Kill", "kill", () => signal(pid, "KILL")));
    made.append(actions);
    return made;
}

function fillRow(made, row) {
    columns.forEach((column, i) => {
        const cell = made.children[i];
        if (column.key === "share") {
            cell.firstChild.value = Math.min(1, row.share);
            cell.lastChild.textContent = (row.share * 100).toFixed(1) + " %";
        } else {
            cell.textContent = column.show ? column.show(row) : row[column.key];
        }
        if (column.key === "name")
            cell.title = row.name;
        if (column.key === "state")
            cell.className = "left state state-" + row.state;
    });
    const [stop, kill] = made.querySelectorAll("td:last-child button");
    stop.textContent = row.state === "stopped" ? "Go on" : "Stop";
    stop.disabled = kill.disabled = row.state === "zombie";
}

function draw() {
    const wanted = element("filter").value.toLowerCase();
    const list = rows.filter(row => !wanted || row.name.toLowerCase().includes(wanted) || String(row.pid) === wanted);
    list.sort((a, b) => {
        const x = a[order.key], y = b[order.key];
        const less = x < y ? -1 : x > y ? 1 : 0;
        return (order.down ? -less : less) || a.pid - b.pid;
    });
    for (const title of element("titles").children) {
        if (title.dataset.key === order.key)
            title.setAttribute("aria-sort", order.down ? "descending" : "ascending");
        else
            title.removeAttribute("aria-sort");
    }
    const there = new Set(list.map(row => row.pid));
    for (const [pid, made] of shown) {
        if (!there.has(pid)) {
            made.remove();
            shown.delete(pid);
        }
    }
    list.forEach((row, i) => {
        if (!shown.has(row.pid))
            shown.set(row.pid, makeRow(row.pid));
        const made = shown.get(row.pid);
        fillRow(made, row);
        if (element("rows").children[i] !== made)
            element("rows").insertBefore(made, element("rows").children[i] || null);
    });
}

// -- The machine ------------------------------------------------------------------------------------------------------

function take(answer) {
    const passed = before ? answer.machine.clock - before.machine.clock : 0;
    const by_pid = new Map();
    for (const row of answer.processes) {
        const old = before && before.by_pid.get(row.pid);
        const seconds = old ? passed : row.elapsed;
        row.share = seconds > 0 ? (row.cpu - (old ? old.cpu : 0)) / seconds : 0;
        row.rate = seconds > 0 ? (row.calls - (old ? old.calls : 0)) / seconds : 0;
        by_pid.set(row.pid, row);
    }
    const m = answer.machine;
    const rate = key => passed > 0 ? Math.round((m[key] - before.machine[key]) / passed).toLocaleString("en") : "-";
    element("processes").textContent = m.processes.toLocaleString("en");
    element("cpu").textContent = Math.round(answer.processes.reduce((sum, row) => sum + row.share, 0) * 100) + " %";
    element("switches").textContent = rate("switches");
    element("calls").textContent = rate("calls");
    element("host").textContent = m.host_pid;
    before = {machine: m, by_pid: by_pid};
    rows = answer.processes;
}

let failed = false;

async function refresh() {
    try {
        take(await ask("/api/ps"));
        draw();
        if (failed)
            tell("");
        failed = false;
    } catch (error) {
        failed = true;
        tell(error.message, true);
    }
}

makeTitles();
element("filter").addEventListener("input", draw);
(async function run() {
    await refresh();
    setTimeout(run, PERIOD_MS);
})();
