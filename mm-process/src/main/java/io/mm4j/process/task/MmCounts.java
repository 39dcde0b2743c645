// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.task;

import io.mm4j.process.call.Calls;
import io.mm4j.process.mm.FloorContext;

/**
 * The counting itself: {@code mmget}, {@code mmput}, {@code mmgrab}, {@code mmdrop} (kernel/fork.c,
 * include/linux/sched/mm.h, Linux 6.18).
 */
final class MmCounts {
  private final FloorContext context;

  /** Those whose page directory exists. */
  final java.util.List<TaskMm> all = new java.util.ArrayList<>();

  MmCounts(FloorContext context) {
    this.context = context;
  }

  /** A user more. */
  static void get(TaskMm mm) {
    mm.refs.users++;
  }

  /** A user less; with the last one everything goes that is mapped. */
  void put(TaskMm mm) {
    if (--mm.refs.users == 0 && mm.mm != null) {
      Calls.exitMmap(mm.mm);
      context.remove(mm.mm);
      drop(mm);
    }
  }

  /** A reference more. */
  static void grab(TaskMm mm) {
    mm.refs.count++;
  }

  /** A reference less; with the last one the page directory goes. */
  void drop(TaskMm mm) {
    if (--mm.refs.count == 0 && mm.mm != null) {
      mm.mm.pages.free();
      all.remove(mm);
    }
  }
}
