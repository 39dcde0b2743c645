// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmEvents;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Tells the system calls of processes. What happens inside them, page faults among it, comes from
 * the address space's own sink; of one without, faults that a caller names are told.
 */
final class ProcessHooks {
  private static final List<String> CALLS =
      List.of(
          "mmap",
          "munmap",
          "mprotect",
          "mremap",
          "brk",
          "madvise",
          "mlock",
          "mlock2",
          "munlock",
          "mlockall",
          "munlockall",
          "msync",
          "mseal");

  private ProcessHooks() {}

  static ProcessFloor wrap(ProcessFloor floor, TraceSink sink) {
    return Forward.wrap(
        ProcessFloor.class,
        floor,
        new Forward.Hooks()
            .on("createAddressSpace", call -> space(call.proceed(), sink))
            .on("spawn", call -> space(call.proceed(), sink)));
  }

  private static @Nullable Object space(@Nullable Object made, TraceSink sink) {
    if (!(made instanceof AddressSpace space)) {
      return made;
    }
    boolean tellsFaults = space.watch(sink);
    Forward.Hooks hooks = new Forward.Hooks();
    for (String name : CALLS) {
      hooks.on(name, call -> systemCall(name, call.arguments(), call, sink));
    }
    hooks
        .on(
            "syscall",
            call ->
                systemCall(
                    ((Syscall) call.arguments()[0]).name().toLowerCase(Locale.ROOT),
                    (long[]) call.arguments()[1],
                    call,
                    sink))
        .on("fork", call -> space(call.proceed(), sink))
        .on(
            "exit",
            call -> {
              Object nothing = call.proceed();
              sink.exitMmap();
              return nothing;
            });
    if (!tellsFaults) {
      hooks.on("fault", call -> fault(call, sink));
    }
    return Forward.wrap(AddressSpace.class, space, hooks);
  }

  /** A recorded fault of an address space that tells none itself. */
  private static @Nullable Object fault(Forward.Call call, TraceSink sink) throws Throwable {
    int code =
        ((boolean) call.arguments()[1] ? MmEvents.WRITE : 0)
            | ((boolean) call.arguments()[2] ? MmEvents.USER : 0)
            | ((boolean) call.arguments()[3] ? MmEvents.INSTR : 0);
    sink.pageFault(call.longAt(0), code);
    return call.proceed();
  }

  private static @Nullable Object systemCall(
      String name, Object given, Forward.Call call, TraceSink sink) throws Throwable {
    long[] arguments = given instanceof long[] words ? words : words((Object[]) given);
    sink.systemCallBegins(name, arguments);
    Object result = call.proceed();
    sink.systemCall(name, arguments, result instanceof Long value ? value : 0);
    return result;
  }

  private static long[] words(Object[] given) {
    long[] words = new long[given.length];
    for (int i = 0; i < words.length; i++) {
      words[i] = ((Number) given[i]).longValue();
    }
    return words;
  }
}
