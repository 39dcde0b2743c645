// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A rule of tasks: a case that was written by hand, or what holds after every step of a life. */
final class TaskRule extends Rule<ProcessFloorProvider> {
  private static final int OPERATIONS = 120;
  private static final int DRAWN = 12;
  private static final List<Architecture> KINDS =
      List.of(Architecture.X86_64, Architecture.X86_32, Architecture.X86_32_24);

  private final Consumer<TaskBench> body;
  private @Nullable BiConsumer<TaskBench, Seeded> drawn;
  private final boolean random;
  private final boolean validates;

  private TaskRule(RuleInfo info, boolean random, boolean validates, Consumer<TaskBench> body) {
    super(Spi.PROCESS, info);
    this.random = random;
    this.validates = validates;
    this.body = body;
  }

  /** What must hold after every step of a random life, on machines of each kind in turn. */
  static TaskRule always(RuleInfo info, Consumer<TaskBench> holds) {
    return new TaskRule(info, true, false, holds);
  }

  /** The same, and the plugin checks itself. */
  static TaskRule checked(RuleInfo info, Consumer<TaskBench> holds) {
    return new TaskRule(info, true, true, holds);
  }

  /** A case, once on a machine of each kind. */
  static TaskRule once(RuleInfo info, Consumer<TaskBench> body) {
    return new TaskRule(info, false, true, body);
  }

  /** What is drawn anew in each of some steps, on machines of each kind in turn. */
  static TaskRule drawn(RuleInfo info, BiConsumer<TaskBench, Seeded> step) {
    TaskRule rule = new TaskRule(info, true, true, bench -> {});
    rule.drawn = step;
    return rule;
  }

  private record Drawn(BiConsumer<TaskBench, Seeded> step, long seed)
      implements Operation<TaskBench> {
    @Override
    public void apply(TaskBench bench) {
      step.accept(bench, new Seeded(seed));
    }

    @Override
    public String toString() {
      return "what is drawn from " + Long.toHexString(seed);
    }
  }

  @Override
  public boolean seeded() {
    return random;
  }

  /** A seed is a machine that is booted. */
  @Override
  public int tries(int asked) {
    return random ? Math.max(3, asked / 4) : 1;
  }

  @Override
  public @Nullable String missing(ProcessFloorProvider provider, Options options) {
    return provider.hasTasks()
        ? TaskBench.missing()
        : "its floors have no tasks (ProcessFloorProvider.hasTasks)";
  }

  @Override
  public Trial<?> trial(ProcessFloorProvider provider, Options options, long seed) {
    return random ? life(provider, options, seed) : cases(provider, options);
  }

  private Trial<TaskBench> life(ProcessFloorProvider provider, Options options, long seed) {
    Architecture kind = KINDS.get((int) Long.remainderUnsigned(seed, KINDS.size()));
    Seeded seeded = new Seeded(seed);
    List<Operation<TaskBench>> operations = new ArrayList<>();
    BiConsumer<TaskBench, Seeded> step = drawn;
    if (step == null) {
      operations.add(new TaskOp(TaskOp.Kind.SPAWN, 0, 0));
    }
    for (int i = 0; i < (step == null ? OPERATIONS : DRAWN); i++) {
      operations.add(step == null ? TaskOp.random(seeded) : new Drawn(step, seeded.next()));
    }
    return new Trial<>() {
      @Override
      public List<Operation<TaskBench>> operations() {
        return operations;
      }

      @Override
      public TaskBench open() {
        return new TaskBench(provider, options, kind);
      }

      @Override
      public String setup() {
        return kind.id() + " with " + TaskBench.CPUS + " CPUs";
      }

      @Override
      public void afterStep(TaskBench bench) {
        body.accept(bench);
      }

      @Override
      public int validateEvery() {
        return validates ? 1 : Integer.MAX_VALUE;
      }
    };
  }

  /** A subject that is a machine of each kind, one after the other. */
  private static final class Kinds extends io.mm4j.testkit.Subject {
    @Override
    public void validate() {
      // each machine was checked
    }
  }

  private Trial<?> cases(ProcessFloorProvider provider, Options options) {
    List<Operation<Kinds>> operations = new ArrayList<>();
    for (Architecture kind : KINDS) {
      operations.add(
          new Operation<>() {
            @Override
            public void apply(Kinds subject) {
              try (TaskBench bench = new TaskBench(provider, options, kind)) {
                body.accept(bench);
                bench.validate();
              }
            }

            @Override
            public String toString() {
              return "the case " + info().name() + " on " + kind.id();
            }
          });
    }
    return new Trial<Kinds>() {
      @Override
      public List<Operation<Kinds>> operations() {
        return operations;
      }

      @Override
      public Kinds open() {
        return new Kinds();
      }
    };
  }
}
