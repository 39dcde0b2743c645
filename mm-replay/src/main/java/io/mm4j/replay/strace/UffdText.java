// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.replay.vma.Answer;
import io.mm4j.replay.vma.CallName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * {@code ioctl(3, UFFDIO_REGISTER, {range={start=0x7f.., len=0x1000}, mode=..., ioctls=...})} and
 * its like: a struct whose fields have names, then what the kernel wrote. A struct that is shown as
 * an address tells nothing (older strace, or one of a call that it does not know).
 */
final class UffdText {
  /** What stands for a descriptor of userfaultfd. */
  static final String PATH = "anon_inode:[userfaultfd]";

  private static final long TYPE = 0xaa00;

  /** By number within their type, with {@link #API} apart (include/uapi/linux/userfaultfd.h). */
  private static final List<CallName> BY_NUMBER =
      List.of(
          CallName.UFFDIO_REGISTER,
          CallName.UFFDIO_UNREGISTER,
          CallName.UFFDIO_WAKE,
          CallName.UFFDIO_COPY,
          CallName.UFFDIO_ZEROPAGE,
          CallName.UFFDIO_MOVE,
          CallName.UFFDIO_WRITEPROTECT,
          CallName.UFFDIO_CONTINUE,
          CallName.UFFDIO_POISON);

  private static final int API = 0x3f;
  private static final Pattern FIELD = Pattern.compile("(\\w+)=([^,{}= ]+)");

  private UffdText() {}

  /** The ioctl of a line, by name or number; null if it is none of these. */
  static @Nullable CallName call(StraceLine line) {
    if (!line.name().equals("ioctl") || line.args().size() != 3) {
      return null;
    }
    String request = line.args().get(1);
    if (request.equals("UFFDIO_API")) {
      return CallName.UFFDIO_API;
    }
    for (CallName each : BY_NUMBER) {
      if (request.equals(each.name())) {
        return each;
      }
    }
    Long number = Symbols.number(request);
    if (number == null || (number & 0xff00) != TYPE) {
      return null;
    }
    int at = (int) (number & 0xff);
    return at == API ? CallName.UFFDIO_API : at < BY_NUMBER.size() ? BY_NUMBER.get(at) : null;
  }

  /**
   * The arguments in the order of recordings, without descriptor and address of the struct; null if
   * the struct is not shown.
   */
  static @Nullable List<Long> args(StraceLine line, CallName call) {
    Map<String, Long> given = new HashMap<>();
    Matcher field = FIELD.matcher(line.args().get(2));
    while (field.find()) {
      Long value = Symbols.value(field.group(2));
      if (value != null) {
        given.putIfAbsent(field.group(1), value); // later ones are the kernel's
      }
    }
    List<Long> args = new ArrayList<>(List.of(0L, 0L));
    for (String key : call.keys().subList(2, call.keys().size())) {
      Long value = given.get(key);
      if (value == null) {
        return null;
      }
      args.add(value);
    }
    return args;
  }

  /**
   * What brings pages hangs on those that are there, which a log does not tell, and features on
   * capabilities.
   */
  static Answer judged(CallName call, Answer answer) {
    boolean ofRanges =
        call == CallName.UFFDIO_REGISTER
            || call == CallName.UFFDIO_UNREGISTER
            || call == CallName.UFFDIO_WAKE;
    boolean ofWords =
        answer instanceof Answer.Failure failure
            && (failure.errno().equals("EINVAL") || failure.errno().equals("ENOENT"));
    return ofRanges || ofWords ? answer : Answer.Unknown.IT;
  }
}
