// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.vmalloc.VmallocAllocator;

/** Tells which addresses of the vmalloc area are given, freed and purged. */
final class VmallocHooks {
  private VmallocHooks() {}

  static VmallocAllocator wrap(VmallocAllocator areas, TraceSink sink) {
    return Forward.wrap(
        VmallocAllocator.class,
        areas,
        new Forward.Hooks()
            .on(
                "alloc",
                call -> {
                  Object address = call.proceed();
                  sink.vmapAlloc(
                      (Cpu) call.arguments()[0],
                      address instanceof Long at ? at : VmallocAllocator.NO_ADDRESS,
                      call.longAt(1),
                      call.longAt(2),
                      call.longAt(3),
                      call.longAt(4));
                  return address;
                })
            .on(
                "undo",
                call -> {
                  Object nothing = call.proceed();
                  sink.vmapUndone(call.longAt(0));
                  return nothing;
                })
            .on(
                "takeExactly",
                call -> {
                  Object known = call.proceed();
                  if (known instanceof Long pages && pages >= 0) {
                    sink.vmapTaken(call.longAt(1), call.longAt(2));
                  }
                  return known;
                })
            .on(
                "free",
                call -> {
                  Object nothing = call.proceed();
                  sink.vmapFree(
                      (Cpu) call.arguments()[0],
                      call.longAt(1),
                      areas.lazyPages(),
                      areas.lazyMax());
                  return nothing;
                })
            .on(
                "purge",
                call -> {
                  long[] range = new long[2];
                  var flush = (VmallocAllocator.AreaVisitor) call.arguments()[0];
                  int purged =
                      areas.purge(
                          (start, end) -> {
                            range[0] = start;
                            range[1] = end;
                            flush.range(start, end);
                          });
                  sink.vmapPurge(range[0], range[1], purged);
                  return purged;
                }));
  }
}
