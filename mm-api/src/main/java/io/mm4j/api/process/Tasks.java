// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import io.mm4j.api.Cpu;
import java.util.List;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * The tasks of a machine, and who has which address space: fork, exec and exit of kernel/fork.c,
 * fs/exec.c and kernel/exit.c, and the part of {@code context_switch()} (kernel/sched/core.c, Linux
 * 6.18) that is about memory.
 *
 * <p><b>Counts.</b> {@code mm_users} are the tasks that have an address space, and whoever else
 * holds it by {@link #get}; with the last of them everything that is mapped goes. {@code mm_count}
 * are the references to the structure and its page directory: one for all users together, one for
 * each CPU that still has the directory loaded for a task without an address space (lazy TLB), one
 * for each kernel thread that uses it, and those of {@link #grab}. With the last of them the page
 * directory goes. {@link AddressSpace#fields()} shows both.
 *
 * <p><b>CPUs.</b> Each has a current task, its idle task at first. A task that runs nowhere may
 * fork, exec and exit, too: it is then as if it had run for a moment that nobody saw.
 *
 * <p>Calls give what the kernel gives: a number, or a negated {@link Errno}. What the kernel could
 * not do at all - to run a task that has ended - is a {@link io.mm4j.api.MisuseException}, and
 * nothing changes. One thread at a time, as with the floor.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface Tasks {
  /** The child has the parent's address space. */
  long CLONE_VM = 0x100;

  /** The child has the parent's signal handlers; needs {@link #CLONE_VM}. */
  long CLONE_SIGHAND = 0x800;

  /** The parent waits until the child calls exec or exit. */
  long CLONE_VFORK = 0x4000;

  /** The child has the parent's parent. */
  long CLONE_PARENT = 0x8000;

  /** The child is of the parent's thread group; needs {@link #CLONE_SIGHAND}. */
  long CLONE_THREAD = 0x10000;

  /** Those that live, by pid, without the idle tasks. */
  List<Task> all();

  /** The task of this number, or null; for 0 see {@link #idle}. */
  @Nullable Task find(int pid);

  /** The idle task of a CPU. */
  Task idle(Cpu cpu);

  /** The task that a CPU runs. O(1), no allocation. */
  Task current(Cpu cpu);

  /**
   * A program from nowhere, as the first one is: a task with an address space that has a stack of
   * 132 KiB and nothing else.
   *
   * @throws io.mm4j.api.InputException if there is no memory for its page directory
   */
  Task spawn(String comm, AddressSpaceConfig config);

  /**
   * A program from nowhere that has this address space, which from now on ends with its tasks.
   *
   * @throws io.mm4j.api.MisuseException if tasks have it already, or it is of another floor
   */
  Task adopt(String comm, AddressSpace mm);

  /** {@code kthread_create()}: a task without an address space. */
  Task kthread(String comm);

  /**
   * {@code clone(2)}.
   *
   * @param flags of the CLONE_ flags here; others, and the signal in the lowest 8 bits, are about
   *     nothing that is here
   * @return the child's pid; {@code -EINVAL} for flags that need others, {@code -ENOMEM}
   */
  long clone(Task parent, long flags);

  /** {@code fork(2)}. */
  default long fork(Task parent) {
    return clone(parent, 0);
  }

  /** {@code vfork(2)}. */
  default long vfork(Task parent) {
    return clone(parent, CLONE_VM | CLONE_VFORK);
  }

  /**
   * {@code execve(2)}: the program's image takes the place of the task's address space; other
   * threads of its group end. A kernel thread that does it becomes a process.
   *
   * @return 0, or a negated errno. Errors that the kernel meets before the point of no return
   *     change nothing; after it the task has been killed: {@link Task#state()} tells
   */
  long exec(Task task, ExecRequest request);

  /** {@code exit(2)}: this task ends, and its CPU runs its idle task. */
  void exit(Task task);

  /** {@code exit_group(2)}: all tasks of its thread group end. */
  void exitGroup(Task task);

  /**
   * {@code wait4(2)} with {@code WNOHANG}.
   *
   * @param pid of the child, or -1 for any
   * @return the pid of a child that had ended and is forgotten now; 0 if none has ended; {@code
   *     -ECHILD} if there is none
   */
  long wait4(Task parent, int pid);

  /**
   * {@code context_switch()}: a CPU runs another task. One with an address space has its page
   * directory loaded; one without goes on with what is loaded. O(1) unless it was the last to hold
   * an address space; no allocation.
   *
   * @throws io.mm4j.api.MisuseException if the task cannot run there: it runs on another CPU, has
   *     ended, waits, or is the idle task of another CPU
   */
  void switchTo(Cpu cpu, Task next);

  /**
   * {@code kthread_use_mm()}: a kernel thread that runs has an address space for a while.
   *
   * @throws io.mm4j.api.MisuseException if it is none, does not run, or has one already
   */
  void useMm(Task kthread, AddressSpace mm);

  /** {@code kthread_unuse_mm()}. */
  void unuseMm(Task kthread);

  /** {@code mmget()}: one user more, such as somebody who reads /proc/PID/smaps. */
  void get(AddressSpace mm);

  /** {@code mmput()}. */
  void put(AddressSpace mm);

  /** {@code mmgrab()}: one reference more to the structure, such as an open /proc/PID/mem. */
  void grab(AddressSpace mm);

  /** {@code mmdrop()}. */
  void drop(AddressSpace mm);

  /** {@code init_mm.mm_users}: 2, whatever happens. */
  int initMmUsers();

  /** {@code init_mm.mm_count}: 1, and one for each CPU that still has none loaded but it. */
  int initMmCount();

  /**
   * An access of the task that a CPU runs, by its MMU: TLB, page tables in RAM, page fault, and the
   * same again. No allocation but what the fault needs.
   *
   * @param kind {@link io.mm4j.api.pagetable.Mmu#WRITE} or {@code FETCH}, 0 for a read
   * @return the physical address, or {@code -1 - ordinal} of the {@link TouchOutcome.Kind} that
   *     says which signal it is
   */
  long access(Cpu cpu, long uaddr, int kind);

  /**
   * Counts again: users and references of every address space, who has which page directory loaded,
   * who waits for whom.
   *
   * @throws io.mm4j.api.CorruptStateError naming what contradicts what
   */
  void validate();
}
