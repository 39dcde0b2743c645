// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.TouchOutcome;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Address spaces that do the wrong thing when memory is short. */
final class FrameFaults {
  /** What each generation adds to a list. */
  private static final int FOREBEARS = 200;

  private FrameFaults() {}

  /** A write for which there is no page takes its mapping along. */
  static final class UnmapsWhatFails extends DelegatingSpace {
    UnmapsWhatFails(AddressSpace inner) {
      super(inner, UnmapsWhatFails::new);
    }

    @Override
    public TouchOutcome write(long uaddr, int value) {
      TouchOutcome outcome = inner.write(uaddr, value);
      if (outcome.kind() == TouchOutcome.Kind.SEGV_MAPERR) {
        long _ = inner.munmap(uaddr & -4096, 4096);
      }
      return outcome;
    }
  }

  static final class ForgetsWhereItFailed extends DelegatingSpace {
    ForgetsWhereItFailed(AddressSpace inner) {
      super(inner, ForgetsWhereItFailed::new);
    }

    @Override
    public @Nullable AddressSpace fork() {
      AddressSpace child = super.fork();
      if (child == null) {
        long[] first = {-1};
        inner.forEachVma(vma -> first[0] = first[0] < 0 ? vma.start() : first[0]);
        long _ = inner.madvise(first[0], 4096, 4);
      }
      return child;
    }
  }

  /** A child's write goes to its parent, too. */
  static final class WritesThrough extends DelegatingSpace {
    private final @Nullable AddressSpace parent;

    WritesThrough(AddressSpace inner) {
      this(inner, null);
    }

    private WritesThrough(AddressSpace inner, @Nullable AddressSpace parent) {
      super(inner, WritesThrough::new);
      this.parent = parent;
    }

    @Override
    public TouchOutcome write(long uaddr, int value) {
      TouchOutcome outcome = inner.write(uaddr, value);
      if (parent != null && outcome.ok()) {
        TouchOutcome _ = parent.write(uaddr, value);
      }
      return outcome;
    }

    @Override
    public @Nullable AddressSpace fork() {
      AddressSpace child = inner.fork();
      return child == null ? null : new WritesThrough(child, inner);
    }
  }

  /** What is written while a write looks for memory is lost. */
  static final class LosesNested extends DelegatingSpace {
    private int depth;
    private long nested = -1;

    LosesNested(AddressSpace inner) {
      super(inner, LosesNested::new);
    }

    @Override
    public TouchOutcome write(long uaddr, int value) {
      nested = depth > 0 ? uaddr : -1;
      depth++;
      TouchOutcome outcome = inner.write(uaddr, value);
      depth--;
      if (depth == 0 && nested != -1) {
        TouchOutcome _ = inner.write(nested, 0);
      }
      return outcome;
    }
  }

  /** A write gives up when its process is called while it looks for memory. */
  static final class GivesUp extends DelegatingSpace {
    private boolean disturbed;

    GivesUp(AddressSpace inner) {
      super(inner, GivesUp::new);
    }

    @Override
    public long madvise(long addr, long len, long advice) {
      disturbed = true;
      return inner.madvise(addr, len, advice);
    }

    @Override
    public TouchOutcome write(long uaddr, int value) {
      disturbed = false;
      TouchOutcome outcome = inner.write(uaddr, value);
      return disturbed
          ? new TouchOutcome(TouchOutcome.Kind.SEGV_MAPERR, uaddr, TouchOutcome.UNKNOWN)
          : outcome;
    }

    @Override
    public @Nullable AddressSpace fork() {
      AddressSpace child = inner.fork();
      return child == null ? null : new GivesUp(child);
    }
  }

  /** RLIMIT_STACK is taken, and not looked at. */
  static final class StacksWithoutLimit extends DelegatingSpace {
    StacksWithoutLimit(AddressSpace inner) {
      super(inner, StacksWithoutLimit::new);
    }

    @Override
    public long setrlimit(ResourceLimit resource, long bytes, long flags) {
      return resource == ResourceLimit.STACK ? 0 : inner.setrlimit(resource, bytes, flags);
    }
  }

  /** Each child has a list of all who came before it. */
  static final class KnowsItsForebears extends DelegatingSpace {
    private final List<String> forebears;

    KnowsItsForebears(AddressSpace inner) {
      this(inner, List.of());
    }

    private KnowsItsForebears(AddressSpace inner, List<String> forebears) {
      super(inner, KnowsItsForebears::new);
      this.forebears = forebears;
    }

    @Override
    public @Nullable AddressSpace fork() {
      AddressSpace child = inner.fork();
      if (child == null) {
        return null;
      }
      List<String> longer = new ArrayList<>(forebears);
      longer.addAll(Collections.nCopies(FOREBEARS, "of a generation"));
      return new KnowsItsForebears(child, longer);
    }
  }
}
