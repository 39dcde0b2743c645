// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Passes everything on. */
class DelegatingTasks implements Tasks {
  final Tasks right;

  DelegatingTasks(Tasks right) {
    this.right = right;
  }

  @Override
  public List<Task> all() {
    return right.all();
  }

  @Override
  public @Nullable Task find(int pid) {
    return right.find(pid);
  }

  @Override
  public Task idle(Cpu cpu) {
    return right.idle(cpu);
  }

  @Override
  public Task current(Cpu cpu) {
    return right.current(cpu);
  }

  @Override
  public Task spawn(String comm, AddressSpaceConfig config) {
    return right.spawn(comm, config);
  }

  @Override
  public Task adopt(String comm, AddressSpace mm) {
    return right.adopt(comm, mm);
  }

  @Override
  public Task kthread(String comm) {
    return right.kthread(comm);
  }

  @Override
  public long clone(Task parent, long flags) {
    return right.clone(parent, flags);
  }

  @Override
  public long exec(Task task, ExecRequest request) {
    return right.exec(task, request);
  }

  @Override
  public void exit(Task task) {
    right.exit(task);
  }

  @Override
  public void exitGroup(Task task) {
    right.exitGroup(task);
  }

  @Override
  public long wait4(Task parent, int pid) {
    return right.wait4(parent, pid);
  }

  @Override
  public void switchTo(Cpu cpu, Task next) {
    right.switchTo(cpu, next);
  }

  @Override
  public void useMm(Task kthread, AddressSpace mm) {
    right.useMm(kthread, mm);
  }

  @Override
  public void unuseMm(Task kthread) {
    right.unuseMm(kthread);
  }

  @Override
  public void get(AddressSpace mm) {
    right.get(mm);
  }

  @Override
  public void put(AddressSpace mm) {
    right.put(mm);
  }

  @Override
  public void grab(AddressSpace mm) {
    right.grab(mm);
  }

  @Override
  public void drop(AddressSpace mm) {
    right.drop(mm);
  }

  @Override
  public int initMmUsers() {
    return right.initMmUsers();
  }

  @Override
  public int initMmCount() {
    return right.initMmCount();
  }

  @Override
  public long access(Cpu cpu, long uaddr, int kind) {
    return right.access(cpu, uaddr, kind);
  }

  @Override
  public void validate() {
    right.validate();
  }
}
