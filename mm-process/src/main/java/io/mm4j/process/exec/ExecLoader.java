// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.exec;

import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.ElfImage.StackRight;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.process.call.Calls;
import io.mm4j.process.mm.FloorContext;
import io.mm4j.process.mm.Mm;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes the address space of a program: {@code load_elf_binary()} (fs/binfmt_elf.c) with {@code
 * bprm_mm_init()} and {@code setup_arg_pages()} (fs/exec.c) of Linux 6.18.
 *
 * <p>Steps: arguments are measured and the stack stands at the end of user space with their pages
 * written; the program's segments are mapped, each followed by its part of bss; then the
 * interpreter, then vvar and vdso; the rest of the stack is written below the arguments; at last
 * the break is set.
 *
 * <p>Differences: nothing is random but the bytes of AT_RANDOM, which follow from a seed. The bytes
 * of the vdso are not known. An empty {@code argv} gets one empty string, as since Linux 5.18, on
 * 2.4 as well.
 */
public final class ExecLoader {
  /** Pages of the stack that exec makes below the arguments ({@code stack_expand}). */
  private static final long STACK_EXPAND = 128L << 10;

  private static final long VVAR_BYTES = 4 * Mm.PAGE;
  private static final long VCLOCK_BYTES = 2 * Mm.PAGE;
  private static final long VDSO_BYTES = 2 * Mm.PAGE;

  private final FloorContext context;
  private final BiConsumer<Mm, VmaInfo> stateLoader;
  private final Supplier<MmSysctls> sysctls;

  /**
   * What came of it.
   *
   * @param mm the address space, or null
   * @param error 0 or a negated errno
   * @param fatal whether the kernel had given the old address space up when it failed
   */
  public record Result(@Nullable Mm mm, long error, boolean fatal) {}

  /** For one floor. */
  public ExecLoader(
      FloorContext context, BiConsumer<Mm, VmaInfo> stateLoader, Supplier<MmSysctls> sysctls) {
    this.context = context;
    this.stateLoader = stateLoader;
    this.sysctls = sysctls;
  }

  /**
   * Loads a program.
   *
   * @param old whose limits and settings it inherits; null for the first program
   */
  public Result load(@Nullable Mm old, ExecRequest request) {
    Abi abi = request.abi();
    ExecRequest.Program interpreter = request.interpreter();
    if (request.program().image().is64() != abi.is64() || !fits(abi)) {
      return new Result(null, -Errno.ENOEXEC, false);
    }
    if (interpreter != null && interpreter.image().is64() != abi.is64()) {
      return new Result(null, -Errno.ELIBBAD, false);
    }
    AddressSpaceConfig config = config(old, request);
    StackImage stack = new StackImage(request);
    long error = stack.check(config.stackBytes(), config.asBytes());
    if (error != 0) {
      return new Result(null, error, false);
    }
    Mm mm = new Mm(config, context);
    if (!mm.pages.exists()) {
      return new Result(null, -Errno.ENOMEM, false);
    }
    if (old != null) {
      mm.inherit(old);
    }
    mm.hasGate = abi == Abi.X86_64;
    Calls calls = new Calls(mm);
    UserBytes bytes = new UserBytes(calls);
    stackArea(mm, abi, request.program().image().stack(), stack);
    error = stack.writeStrings(bytes);
    boolean fatal = error == 0; // from the program on the old address space has gone
    if (fatal) {
      error = image(mm, request, stack, calls, bytes);
    }
    if (error != 0) {
      calls.exit();
      return new Result(null, error, fatal);
    }
    return new Result(mm, 0, false);
  }

  /** Whether these page tables reach so far. */
  private boolean fits(Abi abi) {
    PageTableFormat format = context.frames().format();
    boolean wide = format.shape().addressBits() > 32;
    return wide == (abi == Abi.X86_64 || abi == Abi.IA32_ON_64);
  }

  private AddressSpaceConfig config(@Nullable Mm old, ExecRequest request) {
    AddressSpaceConfig from = old == null ? AddressSpaceConfig.defaults() : old.config;
    MmSysctls now = context.sysctls.now(old == null ? sysctls.get() : old.config.sysctls());
    long stack = old == null ? from.stackBytes() : old.limit(ResourceLimit.STACK);
    Abi abi = request.abi();
    MmLayout layout =
        ExecLayout.empty(abi, stack, now.stackGuardGapPages() * Mm.PAGE, now.legacyVaLayout());
    boolean implies = !abi.is64() && request.program().image().stack() == StackRight.DEFAULT;
    return new AddressSpaceConfig(
        layout,
        old == null ? from.asBytes() : old.limit(ResourceLimit.AS),
        old == null ? from.dataBytes() : old.limit(ResourceLimit.DATA),
        stack,
        old == null ? from.memlockBytes() : old.limit(ResourceLimit.MEMLOCK),
        from.capabilities(),
        now,
        from.totalRamKb(),
        from.totalSwapKb(),
        from.thp(),
        implies,
        from.uid(),
        from.gid());
  }

  private long image(Mm mm, ExecRequest request, StackImage stack, Calls calls, UserBytes bytes) {
    Abi abi = request.abi();
    ElfLoad load = new ElfLoad(mm, calls, bytes, abi);
    long error = load.program(request.program(), request.interpreter() != null);
    if (error == 0 && request.interpreter() != null) {
      error = load.interpreter(request.interpreter());
    }
    if (error == 0 && abi != Abi.I386_24) {
      error = vdso(mm, calls);
    }
    if (error != 0) {
      return error;
    }
    error = stack.writeTables(bytes, load, mm.vdso);
    if (error == 0) {
      mm.placed(stack.layout(mm.layout(), load));
      mm.accounting.hiwaterVm = mm.accounting.totalVm;
    }
    return error;
  }

  private void stackArea(Mm mm, Abi abi, StackRight right, StackImage stack) {
    long top = mm.mapWindow();
    long bottom = stack.bottom() & Mm.PAGE_MASK;
    if (abi != Abi.I386_24) {
      long limit = mm.limit(ResourceLimit.STACK) & Mm.PAGE_MASK;
      long bytes = top - bottom + STACK_EXPAND;
      bytes = Long.compareUnsigned(limit, bytes) < 0 ? limit : bytes;
      bottom = Math.min(bottom, top - bytes);
    }
    boolean exec =
        right == StackRight.EXECUTE || (right == StackRight.DEFAULT && mm.config.readImpliesExec());
    stateLoader.accept(
        mm, new VmaInfo(bottom, top, exec ? "rwxp" : "rw-p", 0, "[stack]", null, List.of(), "?"));
  }

  /** {@code map_vdso()}. */
  private long vdso(Mm mm, Calls calls) {
    long at = calls.freeRange(VVAR_BYTES + VCLOCK_BYTES + VDSO_BYTES);
    if (Errno.isError(at)) {
      return at;
    }
    long clock = at + VVAR_BYTES;
    long code = clock + VCLOCK_BYTES;
    special(mm, at, clock, "r--p", "[vvar]");
    special(mm, clock, code, "r--p", "[vvar_vclock]");
    special(mm, code, code + VDSO_BYTES, "r-xp", "[vdso]");
    return 0;
  }

  private void special(Mm mm, long start, long end, String perms, String name) {
    stateLoader.accept(mm, new VmaInfo(start, end, perms, 0, name, null, List.of(), "?"));
  }
}
