// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.faults;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.MmEvents;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.testkit.process.faults.DelegatingFloor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.function.UnaryOperator;

/**
 * The floor that is found beside the kit, whose address spaces tell a watcher something else.
 *
 * @param name of the provider
 * @param wrong makes of a watcher one who tells it wrongly
 */
record WrongWatchProvider(String name, UnaryOperator<MmEvents> wrong)
    implements ProcessFloorProvider {
  @Override
  public String summary() {
    return "the reference floor, with wrong news of its address spaces";
  }

  @Override
  public boolean hasTasks() {
    return true;
  }

  @Override
  public ProcessFloor create(Floors floors, Options options) {
    ProcessFloorProvider right = WrongTasksProvider.found();
    return new DelegatingFloor(right.create(floors, Options.defaults(right))) {
      @Override
      public AddressSpace createAddressSpace(AddressSpaceConfig config) {
        return watched(super.createAddressSpace(config));
      }
    };
  }

  private AddressSpace watched(AddressSpace space) {
    return (AddressSpace)
        Proxy.newProxyInstance(
            WrongWatchProvider.class.getClassLoader(),
            new Class<?>[] {AddressSpace.class},
            (self, method, arguments) -> {
              if (method.getName().equals("watch") && arguments[0] instanceof MmEvents events) {
                return space.watch(wrong.apply(events));
              }
              try {
                return method.invoke(space, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  /** Counts what was before the last change. */
  static MmEvents late(MmEvents events) {
    return new MmEvents() {
      private long before;

      @Override
      public void rssStat(int pid, int counter, long pages) {
        events.rssStat(pid, counter, before);
        before = pages;
      }

      @Override
      public void vmUnmappedArea(AreaSearch search, long found) {
        events.vmUnmappedArea(search, found);
      }
    };
  }

  /** Tells of a search that something else was found. */
  static MmEvents elsewhere(MmEvents events) {
    return new MmEvents() {
      @Override
      public void rssStat(int pid, int counter, long pages) {
        events.rssStat(pid, counter, pages);
      }

      @Override
      public void vmUnmappedArea(AreaSearch search, long found) {
        events.vmUnmappedArea(search, search.low());
      }
    };
  }
}
