// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** RAM that lies on the host in a wrong way, on purpose. */
public final class RamFaults {
  private RamFaults() {}

  /** All of them. */
  public static List<Fault<PhysicalMemoryProvider>> all() {
    return List.of(
        new Fault<>(
            "ram-has-a-name",
            "The file of ram=FOLDER keeps its name.",
            List.of("PM-35"),
            new NamedFile()),
        new Fault<>(
            "any-folder-will-do",
            "ram=FOLDER is not looked at.",
            List.of("PM-35"),
            new AnyFolder()),
        new Fault<>(
            "close-keeps-the-bytes",
            "A machine that is closed can be read and written.",
            List.of("PM-36"),
            new NaiveMemories("close-keeps-the-bytes", StaysOpen::new)),
        new Fault<>(
            "large-machines-overflow",
            "A machine of more than the host has ends with an exception of Java.",
            List.of("PM-37"),
            new NaiveMemories("large-machines-overflow", RamFaults::overflowing)),
        new Fault<>(
            "closed-machines-count",
            "There is room for two machines, those that were closed counted in.",
            List.of("PM-37"),
            new NaiveMemories("closed-machines-count", new CountsClosed())));
  }

  private static PhysicalMemory overflowing(MemoryLayout layout, Contents contents) {
    if (contents != Contents.NONE && layout.endPfn() > 1L << 30) {
      throw new NegativeArraySizeException("" + (int) (layout.endPfn() << Pages.PAGE_SHIFT));
    }
    return new NaiveMemory(layout, contents);
  }

  /** Accepts the option and, as for itself, keeps to anonymous memory. */
  private static class AnyFolder implements PhysicalMemoryProvider {
    private final NaiveMemories naive = new NaiveMemories();

    @Override
    public String name() {
      return "any-folder-will-do";
    }

    @Override
    public String summary() {
      return naive.summary();
    }

    @Override
    public List<OptionSpec> options() {
      List<OptionSpec> all = new ArrayList<>(naive.options());
      all.add(new OptionSpec("ram", OptionSpec.Type.TEXT, "anonymous", "anonymous or a folder"));
      return all;
    }

    @Override
    public PhysicalMemory create(MemoryLayout layout, Contents contents, Options options) {
      return naive.create(layout, contents, options);
    }
  }

  private static final class NamedFile extends AnyFolder {
    @Override
    public String name() {
      return "ram-has-a-name";
    }

    @Override
    public PhysicalMemory create(MemoryLayout layout, Contents contents, Options options) {
      Path folder = Path.of(options.text("ram"));
      if (!options.text("ram").equals("anonymous")) {
        try {
          Path _ = Files.createTempFile(folder, "ram", null);
        } catch (IOException e) {
          throw new InputException("ram=" + folder, "physical-memory", "a folder");
        }
      }
      return super.create(layout, contents, options);
    }
  }

  private static final class StaysOpen extends NaiveMemory {
    StaysOpen(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void close() {}
  }

  /** Who is refused twice running finds it as at first. */
  private static final class CountsClosed implements NaiveMemories.Factory {
    private static final int ROOM = 2;

    private int opened;

    @Override
    public PhysicalMemory create(MemoryLayout layout, Contents contents) {
      if (contents == Contents.NONE || layout.endPfn() <= 1L << 30) {
        return new NaiveMemory(layout, contents);
      }
      opened++;
      if (opened > ROOM) {
        opened = opened == ROOM + 2 ? 0 : opened;
        throw new InputException("no room", "physical-memory", ROOM + " machines");
      }
      return new LastLong(layout);
    }
  }

  /** Of a machine that is too large for an array, one long. */
  private static final class LastLong extends NaiveMemory {
    private long value;

    LastLong(MemoryLayout layout) {
      super(layout, Contents.NONE);
    }

    @Override
    public long getLong(long paddr) {
      return value;
    }

    @Override
    public void putLong(long paddr, long written) {
      value = written;
    }
  }
}
