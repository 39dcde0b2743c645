// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.process.CallFlags;
import io.mm4j.api.process.ResourceLimit;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The words of the operations that explainers know: names, forms, and what arguments can be. */
public final class OperationWords {
  /** What an argument is, for whoever suggests one. */
  public enum Kind {
    /** Words of a fixed list, joined by {@code |}. */
    FLAGS,
    /** One word of a fixed list. */
    WORD,
    /** What an earlier operation gave, or an address. */
    ADDRESS,
    /** The name of a cache. */
    CACHE,
    /** An open file. */
    DESCRIPTOR,
    /** The number of a process. */
    PROCESS,
    /** Anything else: a size, a number. */
    FREE
  }

  /**
   * One argument.
   *
   * @param kind what it is
   * @param words the fixed list, or none
   */
  public record Argument(Kind kind, List<String> words) {
    /** Copies the list. */
    public Argument {
      words = List.copyOf(words);
    }
  }

  private static final Argument FREE = new Argument(Kind.FREE, List.of());
  private static final Map<String, String> FORMS = new LinkedHashMap<>();

  static {
    for (List<String> forms :
        List.of(
            PageExplainer.forms(),
            SlabExplainer.forms(),
            SpaceExplainer.forms(),
            CallExplainer.forms())) {
      forms.forEach(form -> FORMS.put(form.split(" ", 2)[0], form));
    }
  }

  private OperationWords() {}

  /** The names of all operations. */
  public static Set<String> names() {
    return FORMS.keySet();
  }

  /** How an operation is typed, or null if there is none of this name. */
  public static @Nullable String form(String name) {
    return FORMS.get(name);
  }

  /**
   * What an argument of an operation is.
   *
   * @param at its place, from 0
   */
  public static Argument argument(String name, int at) {
    String form = FORMS.get(name);
    if (form == null) {
      return FREE;
    }
    if (CallForm.exists(name)) {
      List<String> kinds = CallForm.of(name).kinds();
      return at < kinds.size() ? ofCall(kinds.get(at)) : FREE;
    }
    String[] words = form.split(" ", -1);
    return at + 1 < words.length ? ofKernel(words[at + 1].replaceAll("[\\[\\]]", "")) : FREE;
  }

  private static Argument ofKernel(String word) {
    return switch (word) {
      case "GFP" -> new Argument(Kind.FLAGS, List.copyOf(Gfp.names()));
      case "ORDER" -> new Argument(Kind.WORD, orders());
      case "$N", "ADDR" -> new Argument(Kind.ADDRESS, List.of());
      case "CACHE" -> new Argument(Kind.CACHE, List.of());
      case "MODE" -> new Argument(Kind.WORD, List.of("WB", "WC", "UC_MINUS", "UC", "WT", "WP"));
      default -> FREE;
    };
  }

  private static List<String> orders() {
    return IntStream.rangeClosed(0, 10).mapToObj(Integer::toString).toList();
  }

  private static Argument ofCall(String kind) {
    return switch (kind) {
      case "prot" -> flags(CallFlags.PROT);
      case "flags" -> flags(CallFlags.MAP);
      case "mremap" -> flags(CallFlags.MREMAP);
      case "advice" -> word(CallFlags.MADV);
      case "mlock2" -> flags(CallFlags.MLOCK);
      case "mlockall" -> flags(CallFlags.MCL);
      case "msync" -> flags(CallFlags.MS);
      case "falloc" -> flags(CallFlags.FALLOC);
      case "seal" -> flags(CallFlags.SEAL);
      case "fadv" -> word(CallFlags.FADV);
      case "mpol" -> flags(CallFlags.MPOL);
      case "mpol_mf" -> flags(CallFlags.MPOL_MF);
      case "mpol_f" -> flags(CallFlags.MPOL_F);
      case "mfd" -> flags(CallFlags.MFD);
      case "ipc" -> flags(CallFlags.IPC);
      case "shm" -> flags(CallFlags.SHM);
      case "shmctl" -> word(CallFlags.SHMCTL);
      case "prctl" -> word(CallFlags.PRCTL);
      case "arg2" -> word(CallFlags.SET_MM);
      case "page_is" -> flags(CallFlags.PAGE_IS);
      case "pm_scan" -> flags(CallFlags.PM_SCAN);
      case "pipe" -> flags(CallFlags.PIPE);
      case "secret" -> flags(CallFlags.SECRET);
      case "resource" ->
          new Argument(
              Kind.WORD, Arrays.stream(ResourceLimit.values()).map(r -> "RLIMIT_" + r).toList());
      case "limit" -> new Argument(Kind.WORD, List.of("RLIM_INFINITY"));
      case "fs" -> new Argument(Kind.WORD, MountedFiles.KINDS);
      case "access" -> new Argument(Kind.WORD, List.of("read", "write", "exec"));
      case "addr", "new_addr", "vec", "src" -> new Argument(Kind.ADDRESS, List.of());
      case "fd" -> new Argument(Kind.DESCRIPTOR, List.of());
      case "pid" -> new Argument(Kind.PROCESS, List.of());
      default -> {
        CallFlags named = UffdWords.of(kind);
        yield named == null ? FREE : flags(named);
      }
    };
  }

  private static Argument flags(CallFlags flags) {
    return new Argument(Kind.FLAGS, List.copyOf(flags.names().keySet()));
  }

  private static Argument word(CallFlags flags) {
    return new Argument(Kind.WORD, List.copyOf(flags.names().keySet()));
  }
}
