// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** PM-36: nobody reads or writes what was given back. */
final class ClosedRule extends Rule<PhysicalMemoryProvider> {
  ClosedRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-36",
            "closed-is-refused",
            "After close every read and write of a frame that had bytes is refused with an"
                + " exception, with contents=all and contents=tables, in memory and in a folder.",
            "What the host has given to somebody else is theirs.",
            "munmap(2); mm4j's contract of PhysicalMemory",
            "close gives nothing back, or only the outermost of two layers is closed"));
  }

  /** Machines of every kind that the check closes. */
  private static final class Opened extends Subject {
    final List<PhysicalMemory> memories;

    Opened(List<PhysicalMemory> memories) {
      this.memories = memories;
    }

    @Override
    public void validate() {}
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    MachineShape shape = MachineShape.any(random, MachineShape.Size.SMALL);
    long pfn = random.below(shape.layout().endPfn());
    List<Options> places = new ArrayList<>();
    places.add(options);
    if (FolderRule.hasOption(provider)) {
      places.add(FolderRule.in(provider, options, Path.of(System.getProperty("java.io.tmpdir"))));
    }
    return new Trial<Opened>() {
      @Override
      public List<Operation<Opened>> operations() {
        return List.of();
      }

      @Override
      public Opened open() {
        List<PhysicalMemory> memories = new ArrayList<>();
        for (Options place : places) {
          memories.add(provider.create(shape.layout(), Contents.ALL, place));
          memories.add(provider.create(shape.layout(), Contents.TABLES, place));
        }
        return new Opened(memories);
      }

      @Override
      public String setup() {
        return "frame " + pfn + ", " + shape.text();
      }

      @Override
      public void atEnd(Opened s) {
        s.memories.forEach(memory -> closed(memory, pfn));
      }
    };
  }

  private static void closed(PhysicalMemory memory, long pfn) {
    long paddr = pfn << 12;
    memory.memMap().setOwners(pfn, 0, FrameOwner.KERNEL);
    memory.putLong(paddr, -1);
    memory.close();
    refused("getLong", () -> memory.getLong(paddr));
    refused("getInt", () -> memory.getInt(paddr));
    refused("getByte", () -> memory.getByte(paddr));
    refused("putLong", () -> memory.putLong(paddr, 1));
    refused("putInt", () -> memory.putInt(paddr, 1));
    refused("putByte", () -> memory.putByte(paddr, (byte) 1));
    refused("clearPages", () -> memory.clearPages(pfn, 0));
    refused("copyPage", () -> memory.copyPage(pfn, pfn));
    refused("discard", () -> memory.discard(pfn, 1));
  }

  private static void refused(String what, Runnable access) {
    try {
      access.run();
    } catch (RuntimeException e) {
      return;
    }
    throw new RuleViolation("an exception from " + what + " after close", "none");
  }
}
