// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.process.Tasks;
import io.mm4j.testkit.process.faults.DelegatingFloor;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * The floor that is found beside the kit, with other tasks.
 *
 * @param name of the provider
 * @param wrap makes the wrong tasks of the right ones
 */
public record WrongTasksProvider(String name, BiFunction<Floors, Tasks, Tasks> wrap)
    implements ProcessFloorProvider {
  static ProcessFloorProvider found() {
    return PluginRegistry.discover().provider(Spi.PROCESS, Spi.PROCESS.reference(), "the test kit");
  }

  @Override
  public String summary() {
    return "the reference floor, with tasks of the test kit";
  }

  @Override
  public boolean hasTasks() {
    return true;
  }

  @Override
  public ProcessFloor create(Floors floors, Options options) {
    ProcessFloorProvider right = found();
    return new Floor(right.create(floors, Options.defaults(right)), floors, wrap);
  }

  private static final class Floor extends DelegatingFloor {
    private final Floors floors;
    private final BiFunction<Floors, Tasks, Tasks> wrap;
    private @Nullable Tasks tasks;

    Floor(ProcessFloor right, Floors floors, BiFunction<Floors, Tasks, Tasks> wrap) {
      super(right);
      this.floors = floors;
      this.wrap = wrap;
    }

    @Override
    public Tasks tasks() {
      Tasks now = tasks;
      if (now == null) {
        now = wrap.apply(floors, right.tasks());
        tasks = now;
      }
      return now;
    }
  }
}
