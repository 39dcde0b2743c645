// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A case written by hand, after one of the kernel's tests: calls on the usual process. */
final class CaseRule extends Rule<VmaIndexProvider> {
  private final Consumer<Rig> body;
  private final @Nullable Supplier<CaseSetup> setup;

  CaseRule(String id, String name, String statement, String behind, Consumer<Rig> body) {
    super(
        Spi.VMA_INDEX,
        new RuleInfo(
            id,
            name,
            statement,
            "It is one of the cases that the kernel itself is tested with.",
            behind,
            "merging or moving looks at one attribute or one neighbour too few"));
    this.body = body;
    this.setup = null;
  }

  /** A case on an empty process of its own. */
  CaseRule(RuleInfo info, Supplier<CaseSetup> setup, Consumer<Rig> body) {
    super(Spi.VMA_INDEX, info);
    this.body = body;
    this.setup = setup;
  }

  /** A process, with short names for what cases do to it. */
  static final class Rig extends Subject {
    static final int READ = 1;
    static final int RW = 3;

    /** Three ranges of ten pages that touch, and one far away. */
    static final long A = 0x20000000L;

    static final long TEN = 10 * Bits.PAGE;
    static final long B = A + TEN;
    static final long C = B + TEN;
    static final long END = C + TEN;
    static final long FAR = 0x30000000L;

    final ProcessFloor floor;
    final AddressSpace mm;

    Rig(ProcessFloor floor, AddressSpace mm) {
      this.floor = floor;
      this.mm = mm;
    }

    @Override
    public void validate() {
      mm.validate();
    }

    /** Maps private anonymous memory at a place. */
    void map(long addr, long bytes, int prot) {
      gives("mmap at " + Long.toHexString(addr), addr, mm.mmap(addr, bytes, prot, 0x32, -1, 0));
    }

    /** Makes a call that must give this. */
    void gives(String what, long expected, long result) {
      RuleViolation.check(
          expected == result,
          new Act.Answer(expected) + " from " + what,
          "" + new Act.Answer(result));
    }

    void protect(long addr, long bytes, int prot) {
      gives("mprotect at " + Long.toHexString(addr), 0, mm.mprotect(addr, bytes, prot));
    }

    void unmap(long addr, long bytes) {
      gives("munmap at " + Long.toHexString(addr), 0, mm.munmap(addr, bytes));
    }

    /** Moves bytes to a fixed place. */
    void move(long from, long to, long bytes) {
      gives("mremap to " + Long.toHexString(to), to, mm.mremap(from, bytes, bytes, 3, to));
    }

    void touch(long addr) {
      put(addr, 1);
    }

    void put(long addr, int value) {
      RuleViolation.check(
          mm.write(addr, value).ok(), "a write at " + Long.toHexString(addr), "a signal");
    }

    void has(long addr, int value) {
      RuleViolation.checkEqual(
          value, mm.read(addr).value(), "the byte at " + Long.toHexString(addr));
    }

    /** The child of a fork. */
    Rig fork() {
      @Nullable AddressSpace child = mm.fork();
      RuleViolation.check(child != null, "a child", "none");
      return new Rig(floor, Objects.requireNonNull(child));
    }

    /** What must be mapped from {@link #A} to {@link #END}, as {@code 0-10 rw-p, 12-20 r--p}. */
    void shows(String expected) {
      shows(A, END, expected);
    }

    /** What must be mapped in a range, in pages from its beginning. */
    void shows(long from, long to, String expected) {
      List<String> out = new ArrayList<>();
      mm.forEachVma(v -> line(v, from, to, out));
      String seen = String.join(", ", out);
      RuleViolation.check(seen.equals(expected), expected, seen);
    }

    private static void line(VmaInfo v, long from, long to, List<String> out) {
      if (v.start() < to && v.end() > from && v.start() >= 0) {
        long start = (v.start() - from) / Bits.PAGE;
        out.add(start + "-" + (v.end() - from) / Bits.PAGE + " " + v.perms());
      }
    }
  }

  @Override
  public boolean seeded() {
    return false;
  }

  @Override
  public @Nullable String missing(VmaIndexProvider provider, Options options) {
    String without = Floors.missing();
    boolean other = setup != null && setup.get().machine != Ground.USUAL;
    return without == null && other ? Floors.missingOther() : without;
  }

  @Override
  public Trial<Rig> trial(VmaIndexProvider provider, Options options, long seed) {
    Operation<Rig> whole =
        new Operation<>() {
          @Override
          public void apply(Rig rig) {
            body.accept(rig);
          }

          @Override
          public String toString() {
            return "the case " + info().name();
          }
        };
    return new Trial<>() {
      @Override
      public List<Operation<Rig>> operations() {
        return List.of(whole);
      }

      @Override
      public Rig open() {
        CaseSetup own = setup == null ? null : setup.get();
        Floors.beginTrial(own == null ? Ground.USUAL : own.machine);
        ProcessFloor floor = Floors.create(provider, options);
        return new Rig(
            floor,
            own == null ? SpaceSetup.usual().create(floor, SpaceSetup.opens()) : own.create(floor));
      }
    };
  }
}
