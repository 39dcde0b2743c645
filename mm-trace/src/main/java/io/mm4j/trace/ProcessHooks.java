// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ProcessFloor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tells the system calls of processes, and the page faults that a caller names. */
final class ProcessHooks {
  /**
   * Bits of an error code of x86: {@code X86_PF_WRITE}, {@code X86_PF_USER}, {@code X86_PF_INSTR}.
   */
  private static final int WRITE = 2;

  private static final int USER = 4;
  private static final int INSTR = 16;

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
    Forward.Hooks hooks = new Forward.Hooks();
    for (String name : CALLS) {
      hooks.on(name, call -> systemCall(call, sink));
    }
    hooks
        .on("fork", call -> space(call.proceed(), sink))
        .on(
            "exit",
            call -> {
              Object nothing = call.proceed();
              sink.exitMmap();
              return nothing;
            })
        .on(
            "fault",
            call -> {
              boolean user = (boolean) call.arguments()[2];
              int code =
                  ((boolean) call.arguments()[1] ? WRITE : 0)
                      | (user ? USER : 0)
                      | ((boolean) call.arguments()[3] ? INSTR : 0);
              sink.pageFault(user, call.longAt(0), code);
              return call.proceed();
            });
    return Forward.wrap(AddressSpace.class, space, hooks);
  }

  private static @Nullable Object systemCall(Forward.Call call, TraceSink sink) throws Throwable {
    Object result = call.proceed();
    long[] arguments = new long[call.arguments().length];
    for (int i = 0; i < arguments.length; i++) {
      arguments[i] = call.longAt(i);
    }
    sink.systemCall(call.method().getName(), arguments, result instanceof Long value ? value : 0);
    return result;
  }
}
