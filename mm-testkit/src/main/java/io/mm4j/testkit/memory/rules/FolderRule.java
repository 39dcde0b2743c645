// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.memory.rules.ByteStep.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** PM-35: the bytes of a machine in a folder of the host. */
final class FolderRule extends Rule<PhysicalMemoryProvider> {
  private static final String RAM = "ram";
  private static final int OPERATIONS = 8;

  FolderRule() {
    super(
        Spi.PHYSICAL_MEMORY,
        new RuleInfo(
            "PM-35",
            "ram-in-a-folder",
            "With ram=FOLDER all bytes work as they do without; nobody sees a file there, two"
                + " machines have nothing in common, and what is no folder is refused with what is"
                + " allowed.",
            "A machine larger than the host's memory lies on its disk.",
            "mm4j's contract of PhysicalMemory; unlink(2) of a file that is mapped",
            "the file keeps its name, two machines share it, or it is mapped one page short"));
  }

  @Override
  public @Nullable String missing(PhysicalMemoryProvider provider, Options options) {
    return hasOption(provider) ? null : "it has no option ram";
  }

  static boolean hasOption(PhysicalMemoryProvider provider) {
    return provider.options().stream().anyMatch(option -> option.name().equals(RAM));
  }

  /** Fewer than others: each is two machines on the host's disk. */
  @Override
  public int tries(int asked) {
    return Math.ceilDiv(asked, 4);
  }

  static Options in(PhysicalMemoryProvider provider, Options options, Path folder) {
    Map<String, String> values = new HashMap<>(options.asMap());
    values.put(RAM, folder.toString());
    return Options.of(provider, values, provider.name());
  }

  @Override
  public Trial<?> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    MachineShape shape = MachineShape.any(random, MachineShape.Size.SMALL);
    List<Operation<Placed>> list = new ArrayList<>();
    for (int i = 0; i < OPERATIONS; i++) {
      list.add(new Step(random.oneIn(3), ByteStep.any(random, Kind.values())));
    }
    return new Trial<Placed>() {
      @Override
      public List<Operation<Placed>> operations() {
        return list;
      }

      @Override
      public Placed open() {
        return new Placed(provider, options, shape.layout());
      }

      @Override
      public String setup() {
        return "ram=FOLDER, " + shape.text();
      }

      @Override
      public int validateEvery() {
        return OPERATIONS;
      }

      @Override
      public void atEnd(Placed s) {
        s.compareAll();
        s.nothingIsSeen();
        s.other.compareAll();
        refused(provider, options, shape.layout(), s.folder.resolve("none"));
      }
    };
  }

  private static void refused(
      PhysicalMemoryProvider provider, Options options, MemoryLayout layout, Path nothing) {
    try (PhysicalMemory memory =
        provider.create(layout, Contents.ALL, in(provider, options, nothing))) {
      throw new RuleViolation("ram=" + nothing + " refused", "memory of " + memory.nodes());
    } catch (InputException e) {
      check(!e.allowed().isBlank(), "what is allowed instead", "nothing");
    }
  }

  /** One step, on the first machine or on the other. */
  private record Step(boolean onOther, ByteStep step) implements Operation<Placed> {
    @Override
    public void apply(Placed s) {
      step.apply(onOther ? s.other : s);
    }

    @Override
    public String toString() {
      return (onOther ? "other: " : "") + step;
    }
  }

  /** Two machines in one folder. */
  private static final class Placed extends ByteSubject {
    final Path folder;
    final ByteSubject other;

    Placed(PhysicalMemoryProvider provider, Options options, MemoryLayout layout) {
      this(provider, options, layout, folder());
    }

    private Placed(
        PhysicalMemoryProvider provider, Options options, MemoryLayout layout, Path folder) {
      super(provider, in(provider, options, folder), layout);
      this.folder = folder;
      other = new ByteSubject(provider, in(provider, options, folder), layout);
    }

    private static Path folder() {
      try {
        return Files.createTempDirectory("mm4j-kit");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    void nothingIsSeen() {
      check(names().isEmpty(), "an empty folder", "" + names());
    }

    private List<Path> names() {
      try (Stream<Path> all = Files.list(folder)) {
        return all.toList();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void validate() {
      super.validate();
      other.validate();
    }

    @Override
    public void close() {
      super.close();
      other.close();
      try {
        for (Path name : names()) {
          Files.delete(name);
        }
        Files.delete(folder);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
