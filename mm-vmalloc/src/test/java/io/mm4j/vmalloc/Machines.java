// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import java.util.ArrayList;
import java.util.List;

/** Machines with page tables: every format, on every combination of floors below. */
final class Machines {
  /**
   * One combination.
   *
   * @param architecture the kind of machine
   * @param format the page-table format
   * @param memory a physical memory
   * @param frames a frame allocator
   * @param pages a page allocator
   */
  record Combination(
      Architecture architecture, String format, String memory, String frames, String pages) {
    /** Boots a machine of 64 MiB. */
    Machine boot(Contents contents) {
      return new MachineConfig()
          .architecture(architecture)
          .memory(64L << 20)
          .contents(contents)
          .plugin("page-table=" + format)
          .plugin("physical-memory=" + memory)
          .plugin("frame-allocator=" + frames)
          .plugin("page-allocator=" + pages)
          .boot();
    }

    @Override
    public String toString() {
      return String.join(" ", architecture.id(), format, memory, frames, pages);
    }
  }

  private record Kind(Architecture architecture, String format) {}

  private static final List<Kind> KINDS =
      List.of(
          new Kind(Architecture.X86_64, "x86-64"),
          new Kind(Architecture.X86_64, "la57"),
          new Kind(Architecture.X86_32, "x86-32"),
          new Kind(Architecture.X86_32_24, "x86-32"),
          new Kind(Architecture.X86_PAE, "x86-pae"));

  private Machines() {}

  /** The five kinds of page tables on the reference floors. */
  static List<Combination> formats() {
    return KINDS.stream()
        .map(k -> new Combination(k.architecture, k.format, "sparsemem", "buddy", "linux"))
        .toList();
  }

  /** Every combination. */
  static List<Combination> all() {
    List<Combination> all = new ArrayList<>();
    for (Kind kind : KINDS) {
      for (String memory : List.of("sparsemem", "flatmem")) {
        for (String frames : List.of("buddy", "llfree", "bitmap")) {
          for (String pages : List.of("linux", "direct")) {
            all.add(new Combination(kind.architecture, kind.format, memory, frames, pages));
          }
        }
      }
    }
    return all;
  }

  static Cpu cpu(Machine machine) {
    return machine.cpus().get(0);
  }

  static long tableFrames(Machine machine) {
    return machine.framesOwnedBy(FrameOwner.PAGE_TABLE);
  }

  /** Frames that nobody has. */
  static long free(Machine machine) {
    return machine.pages().freePages() + machine.pages().pcpPages();
  }
}
