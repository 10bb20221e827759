"use strict";
// Workers and their tasks: the most urgent first. A task of urgency 0 stops less urgent ones, which
// begin anew later.

class Pool {
  constructor(source, count) {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    this.tasks = [];
    this.next = 1;
    this.workers = Array.from({ length: count }, () => {
      const worker = new Worker(address), slot = { worker, task: null };
      worker.onmessage = ({ data }) => this.receive(slot, data);
      return slot;
    });
  }

  // message: {kind, ...}; part(data) and done(error) are called while the task is wanted
  submit(message, urgency, part, done = () => {}) {
    const task = { id: this.next++, message, urgency, part, done, wanted: true, retry: false };
    this.tasks.push(task);
    if (urgency === 0 && !this.workers.some((slot) => !slot.task)) {
      const slot = this.workers.find(({ task: other }) => other.urgency > 0 && !other.retry);
      if (slot) {
        slot.task.retry = true;
        slot.worker.postMessage({ cancel: slot.task.id });
      }
    }
    this.start();
    return task;
  }

  cancel(task) {
    if (!task || !task.wanted) return;
    task.wanted = false;
    this.tasks = this.tasks.filter((other) => other !== task);
    const slot = this.workers.find(({ task: other }) => other === task);
    if (slot) slot.worker.postMessage({ cancel: task.id });
  }

  start() {
    for (const slot of this.workers) {
      if (slot.task || this.tasks.length === 0) continue;
      const task = this.tasks.reduce((best, one) => (one.urgency < best.urgency ? one : best));
      this.tasks = this.tasks.filter((other) => other !== task);
      slot.task = task;
      slot.worker.postMessage({ id: task.id, ...task.message });
    }
  }

  receive(slot, data) {
    const { task } = slot;
    if (!task || data.id !== task.id) return;
    if (data.part && task.wanted && !task.retry) task.part(data.part);
    if (!data.done) return;
    slot.task = null;
    if (task.retry && task.wanted) {
      Object.assign(task, { id: this.next++, retry: false });
      this.tasks.push(task);
    } else if (task.wanted) {
      task.wanted = false;
      task.done(data.error ?? null);
      if (data.error && !data.expected) console.error(data.error);
    }
    this.start();
  }
}
