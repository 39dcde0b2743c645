// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.task;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Task;
import org.jspecify.annotations.Nullable;

/** What a task is, as {@link LinuxTasks} keeps it. */
final class LinuxTask implements Task {
  private static final int COMM_BYTES = 15;

  final boolean kernel;
  int pid;
  int tgid;
  String comm;
  State state = State.RUNNING;
  int cpu = -1;
  @Nullable LinuxTask parent;

  /** Who waits for this child of a vfork. */
  @Nullable LinuxTask vforkParent;

  @Nullable TaskMm mm;
  @Nullable TaskMm activeMm;

  /** Whether {@link #mm} is only borrowed ({@code kthread_use_mm}). */
  boolean uses;

  /** It became a process by exec. */
  boolean process;

  LinuxTask(int pid, String comm, boolean kernel) {
    this.pid = pid;
    this.tgid = pid;
    this.kernel = kernel;
    this.comm = comm;
    named(comm);
  }

  void named(String name) {
    comm = name.length() > COMM_BYTES ? name.substring(0, COMM_BYTES) : name;
  }

  boolean hasEnded() {
    return state == State.ZOMBIE || state == State.DEAD;
  }

  /** What nobody waits for. */
  boolean reapsItself() {
    return pid != tgid || parent == null;
  }

  @Override
  public int pid() {
    return pid;
  }

  @Override
  public int tgid() {
    return tgid;
  }

  @Override
  public int ppid() {
    return parent == null ? 0 : parent.tgid;
  }

  @Override
  public String comm() {
    return comm;
  }

  @Override
  public boolean isKernelThread() {
    return kernel && !process;
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public int cpu() {
    return cpu;
  }

  @Override
  public @Nullable AddressSpace mm() {
    return mm == null ? null : mm.space;
  }

  @Override
  public @Nullable AddressSpace activeMm() {
    return mm != null ? mm.space : activeMm == null ? null : activeMm.space;
  }

  @Override
  public String toString() {
    return comm + " pid=" + pid;
  }
}
