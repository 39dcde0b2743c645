// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * A task: what memory management sees of the kernel's {@code task_struct}. A view of it as it is
 * now; equal tasks are the same object.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface Task {
  /** What it can do next. */
  @API(status = API.Status.EXPERIMENTAL)
  enum State {
    /** It runs, or could. */
    RUNNING,
    /** It waits until the child of its vfork has called exec or exit. */
    VFORK_WAIT,
    /** It has ended, and its parent has not asked for it yet. */
    ZOMBIE,
    /** It has ended and is forgotten as soon as no CPU stands in it. */
    DEAD
  }

  /** Its number; 0 for the idle task of every CPU. */
  int pid();

  /** The number of its thread group's first task. */
  int tgid();

  /** The number of the process that waits for it; 0 for none. */
  int ppid();

  /** Its name, of 15 bytes at most. */
  String comm();

  /** Whether it is one of the kernel's ({@code PF_KTHREAD}). */
  boolean isKernelThread();

  /** What it can do next. */
  State state();

  /** The CPU on which it runs, or -1. */
  int cpu();

  /**
   * {@code mm}: whose user addresses it sees; null for a kernel thread, and after its end. A kernel
   * thread has one while it uses somebody's ({@link Tasks#useMm}).
   */
  @Nullable AddressSpace mm();

  /**
   * {@code active_mm}: whose page directory is in use while it runs; its own, or, for a task
   * without one, that of the task before it. Null for {@code init_mm}, and for a task without an
   * address space that does not run.
   */
  @Nullable AddressSpace activeMm();
}
