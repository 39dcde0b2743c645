// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.CallFlags;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The arguments of typed calls as raw words. Addresses and lengths are sums: of numbers ({@code
 * 4096}, {@code 0x1000}, {@code 8K}), {@code NULL}, the result of an earlier call ({@code $1} or
 * {@code r1}), the break ({@code brk}), and the start of the first mapping of a name ({@code
 * [heap]}, {@code [stack]}).
 */
final class Arguments {
  private static final String SUM =
      "numbers (4096, 0x1000, 8K, 2M), NULL, $1 or r1 (the first call's result), brk, [heap],"
          + " [stack], [vdso] ..., joined by + and -";

  /** A limit's word is its place here. */
  static final List<ResourceLimit> RESOURCES = List.of(ResourceLimit.values());

  private static final Pattern TERM =
      Pattern.compile("\\G([+-]?)(\\[[^\\]]*\\]|[$]?[A-Za-z0-9_]+)");
  private static final Pattern RESULT = Pattern.compile("(?:\\$|[rR])([0-9]{1,9})");
  private static final Pattern RAW = Pattern.compile("0[xX][0-9a-fA-F]{1,16}");

  private final RunningProcess process;
  private final List<Long> results;

  /**
   * Arguments of one process.
   *
   * @param results what the calls before gave, in order; grows
   */
  Arguments(RunningProcess process, List<Long> results) {
    this.process = process;
    this.results = results;
  }

  /**
   * The word of one argument.
   *
   * @param kind its name in {@link CallForm}
   * @param text as typed
   * @param where the call, for messages
   */
  long word(String kind, String text, String where) {
    return switch (kind) {
      case "prot" -> flags(CallFlags.PROT, text, where);
      case "flags" -> flags(CallFlags.MAP, text, where);
      case "mremap" -> flags(CallFlags.MREMAP, text, where);
      case "advice" -> flags(CallFlags.MADV, text, where);
      case "mlock2" -> flags(CallFlags.MLOCK, text, where);
      case "mlockall" -> flags(CallFlags.MCL, text, where);
      case "msync" -> flags(CallFlags.MS, text, where);
      case "falloc" -> flags(CallFlags.FALLOC, text, where);
      case "seal" -> flags(CallFlags.SEAL, text, where);
      case "fadv" -> flags(CallFlags.FADV, text, where);
      case "mpol" -> flags(CallFlags.MPOL, text, where);
      case "mpol_mf" -> flags(CallFlags.MPOL_MF, text, where);
      case "mpol_f" -> flags(CallFlags.MPOL_F, text, where);
      case "mfd" -> flags(CallFlags.MFD, text, where);
      case "ipc" -> flags(CallFlags.IPC, text, where);
      case "shm" -> flags(CallFlags.SHM, text, where);
      case "shmctl" -> flags(CallFlags.SHMCTL, text, where);
      case "prctl" -> flags(CallFlags.PRCTL, text, where);
      case "arg2" ->
          flags(text.startsWith("PR_SET_MM") ? CallFlags.SET_MM : CallFlags.MDWE, text, where);
      case "page_is" -> flags(CallFlags.PAGE_IS, text, where);
      case "pm_scan" -> flags(CallFlags.PM_SCAN, text, where);
      case "pipe" -> flags(CallFlags.PIPE, text, where);
      case "secret" -> flags(CallFlags.SECRET, text, where);
      case "fd" -> descriptor(text, where);
      case "node", "pkey" -> text.equals("-1") ? -1 : sum(text, where);
      case "resource" -> RESOURCES.indexOf(resource(text, where));
      case "limit" -> isUnlimited(text) ? ResourceLimit.INFINITY : sum(text, where);
      case "access" -> List.of("read", "write", "exec").indexOf(access(text, where));
      case "fs" -> fileSystem(text, where);
      case "size" -> text.equals("none") ? Mount.NONE : limit(text, where);
      case "pkru" -> rights(text, where);
      case "value" -> value(text, where);
      default -> {
        CallFlags named = UffdWords.of(kind);
        yield named == null ? sum(text, where) : flags(named, text, where);
      }
    };
  }

  /** One argument as people read it. */
  String shown(String kind, String text, long word) {
    return switch (kind) {
      case "prot" -> CallFlags.PROT.format(word);
      case "flags" -> CallFlags.MAP.format(word);
      case "mremap" -> CallFlags.MREMAP.format(word);
      case "advice" -> CallFlags.MADV.format(word);
      case "mlock2" -> CallFlags.MLOCK.format(word);
      case "mlockall" -> CallFlags.MCL.format(word);
      case "msync" -> CallFlags.MS.format(word);
      case "falloc" -> CallFlags.FALLOC.format(word);
      case "seal" -> CallFlags.SEAL.format(word);
      case "fadv" -> CallFlags.FADV.format(word);
      case "mpol" -> CallFlags.MPOL.format(word);
      case "mpol_mf" -> CallFlags.MPOL_MF.format(word);
      case "mpol_f" -> CallFlags.MPOL_F.format(word);
      case "mfd" -> CallFlags.MFD.format(word);
      case "shm" -> CallFlags.SHM.format(word);
      case "shmctl" -> CallFlags.SHMCTL.format(word);
      case "prctl" -> CallFlags.PRCTL.format(word);
      case "page_is" -> CallFlags.PAGE_IS.format(word);
      case "pm_scan" -> CallFlags.PM_SCAN.format(word);
      case "pipe" -> CallFlags.PIPE.format(word);
      case "secret" -> CallFlags.SECRET.format(word);
      case "fd" -> RESULT.matcher(text).matches() ? Long.toString(word) : text;
      case "access", "fs", "ipc", "arg2", "node", "pkey" -> text;
      case "pkru" -> "0x" + Long.toHexString(word);
      case "size" -> word == Mount.NONE ? "none" : size(word);
      case "resource" -> "RLIMIT_" + RESOURCES.get((int) word);
      case "limit" -> word == ResourceLimit.INFINITY ? "unlimited" : size(word);
      case "len", "old_len", "new_len" -> size(word);
      case "off", "number" -> word == 0 ? "0" : "0x" + Long.toHexString(word);
      case "value" -> Long.toString(word);
      default -> {
        CallFlags named = UffdWords.of(kind);
        String address = word == 0 ? "NULL" : "0x" + Long.toHexString(word);
        yield named == null ? address : named.format(word);
      }
    };
  }

  private static String size(long bytes) {
    return bytes >= 0 && bytes % 1024 == 0 ? Sizes.format(bytes) : "0x" + Long.toHexString(bytes);
  }

  private long limit(String text, String where) {
    long bytes = sum(text, where);
    if (bytes < 0) {
      throw new InputException("'" + text + "' is no size", where, "none, or 0 and up");
    }
    return bytes;
  }

  private long rights(String text, String where) {
    long bits = sum(text, where);
    if (bits >>> Integer.SIZE != 0) {
      throw new InputException(
          "'" + text + "' has more than the 32 bits of PKRU", where, "0 to 0xffffffff");
    }
    return bits;
  }

  private static boolean isUnlimited(String text) {
    return List.of("unlimited", "inf", "infinity", "RLIM_INFINITY").contains(text);
  }

  private static ResourceLimit resource(String text, String where) {
    for (ResourceLimit resource : ResourceLimit.values()) {
      if (text.equals("RLIMIT_" + resource) || text.equals(resource.name())) {
        return resource;
      }
    }
    List<String> names = Arrays.stream(ResourceLimit.values()).map(r -> "RLIMIT_" + r).toList();
    throw new InputException(
        "no limit is called '" + text + "'" + Nearest.hint(text, names),
        where,
        String.join(", ", names));
  }

  private static String access(String text, String where) {
    if (!List.of("read", "write", "exec").contains(text)) {
      throw new InputException("'" + text + "' is no access", where, "read, write, exec");
    }
    return text;
  }

  private static long fileSystem(String text, String where) {
    if (!MountedFiles.KINDS.contains(text)) {
      throw new InputException(
          "no file system '" + text + "' has a size here", where, MountedFiles.KINDS.toString());
    }
    return MountedFiles.KINDS.indexOf(text);
  }

  private static long value(String text, String where) {
    long value = Sizes.parseNumber(text, where);
    if (value > 255) {
      throw new InputException("'" + text + "' is no byte", where, "0 to 255");
    }
    return value;
  }

  private static long flags(CallFlags flags, String text, String where) {
    Map<String, Long> names = flags.names();
    String number = null;
    long bits = 0;
    for (String part : text.split("\\|", -1)) {
      Long named = flags == CallFlags.MAP ? CallFlags.hugeSize(part) : null;
      named = named == null ? names.get(part) : named;
      if (named != null && (named & ~flags.numberBits()) == 0 && flags.numberBits() != 0) {
        if (number != null) {
          throw new InputException(
              "'" + number + "' and '" + part + "' are two numbers for one", where, allowed(flags));
        }
        number = part;
      }
      if (named != null) {
        bits |= named;
      } else if (RAW.matcher(part).matches()) {
        bits |= Long.parseUnsignedLong(part.substring(2), 16);
      } else if (part.matches("0[0-7]{1,18}")) { // as C has it: 0600
        bits |= Long.parseLong(part, 8);
      } else if (part.matches("0|[1-9][0-9]{0,17}")) {
        bits |= Long.parseLong(part);
      } else {
        throw new InputException(
            "'"
                + part
                + (names.keySet().stream().allMatch(name -> name.startsWith(flags + "_"))
                    ? "' is none of the " + flags + "_ names"
                    : "' is no word that can stand here")
                + Nearest.hint(part, names.keySet()),
            where,
            allowed(flags));
      }
    }
    return bits;
  }

  private static String allowed(CallFlags flags) {
    String names = String.join(", ", flags.names().keySet());
    return names + (flags.numberBits() == -1 ? ", or a number" : ", numbers; joined by |");
  }

  private long descriptor(String text, String where) {
    Integer known = process.descriptors().get(text);
    if (known != null) {
      return known;
    }
    if (RESULT.matcher(text).matches()) {
      return sum(text, where);
    }
    if (!text.matches("-?[0-9]{1,9}")) {
      throw new InputException(
          "no file is open as '" + text + "'",
          where,
          "-1, an open file ("
              + String.join(", ", process.descriptors().keySet())
              + "), or $1 or r1, which the first call gave");
    }
    return Long.parseLong(text);
  }

  private long sum(String text, String where) {
    Matcher matcher = TERM.matcher(text);
    long sum = 0;
    int at = 0;
    boolean first = true;
    while (matcher.find()) {
      boolean minus = matcher.group(1).equals("-");
      if (first ? !matcher.group(1).isEmpty() : matcher.group(1).isEmpty()) {
        break;
      }
      long term = term(matcher.group(2), text, where);
      sum = minus ? sum - term : sum + term;
      at = matcher.end();
      first = false;
    }
    if (first || at != text.length()) {
      throw new InputException("'" + text + "' is no address or size", where, SUM);
    }
    return sum;
  }

  private long term(String term, String text, String where) {
    Matcher result = RESULT.matcher(term);
    if (result.matches()) {
      return result(Integer.parseInt(result.group(1)), term, where);
    }
    if (term.startsWith("[")) {
      return start(term, where);
    }
    if (term.equals("NULL")) {
      return 0;
    }
    if (term.equals("brk")) {
      return process.mm().fields().brk();
    }
    if (RAW.matcher(term).matches()) {
      return Long.parseUnsignedLong(term.substring(2), 16);
    }
    if (term.matches("0+[KMGT]?")) {
      return 0;
    }
    try {
      return Sizes.parseSize(term, where);
    } catch (InputException e) {
      throw new InputException(
          "'" + text + "' is no address or size: " + e.what(), where, e.allowed() + "; " + SUM);
    }
  }

  private long result(int number, String term, String where) {
    if (number < 1 || number > results.size()) {
      throw new InputException(
          term + " is no earlier call's result",
          where,
          results.isEmpty() ? "no call was made before" : "$1 to $" + results.size());
    }
    long value = results.get(number - 1);
    if (Errno.isError(value)) {
      throw new InputException(
          term + " cannot be used: call " + number + " gave " + Errno.nameOf((int) -value),
          where,
          "the result of a call that succeeded");
    }
    return value;
  }

  private long start(String name, String where) {
    List<Long> starts = new ArrayList<>();
    Set<String> names = new LinkedHashSet<>();
    process
        .mm()
        .forEachMap(
            (VmaInfo vma) -> {
              if (vma.name().startsWith("[")) {
                names.add(vma.name());
              }
              if (vma.name().equals(name)) {
                starts.add(vma.start());
              }
            });
    if (starts.isEmpty()) {
      throw new InputException(
          "no mapping is called " + name, where, names.isEmpty() ? SUM : String.join(", ", names));
    }
    return starts.getFirst();
  }
}
