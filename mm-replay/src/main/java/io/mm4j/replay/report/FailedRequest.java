// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A request as the first line of a report names it.
 *
 * @param order {@link #UNSAID} if the line does not say
 * @param mode its flags as printed
 */
record FailedRequest(int order, String mode) {
  /** An order that is nowhere said. */
  static final int UNSAID = -1;

  /**
   * How a kernel says it.
   *
   * @param line a whole line, the flags as the group {@code mode}, the order as {@code order}
   * @param unsaid the order where that group has none
   */
  private record Form(Pattern line, int unsaid) {
    static Form of(String regex, int unsaid) {
      return new Form(Pattern.compile(regex), unsaid);
    }
  }

  private static final String MODE = "(?<mode>0x[0-9a-f]+(?:\\([^)]*\\))?).*";
  private static final String ORDER = "(?<order>\\d{1,2})";

  private static final List<Form> FORMS =
      List.of(
          Form.of(".*page allocation failure[:.] *order:" + ORDER + ", *mode:" + MODE, UNSAID),
          Form.of( // 4.9 to 4.14
              ".*page allocation stalls for \\d+ms, *order:" + ORDER + ", *mode:" + MODE, UNSAID),
          Form.of( // order=-1: nobody's request has called it
              ".*oom-killer: *gfp_mask=(?<mode>0x[0-9a-f]+(?:\\([^)]*\\))?),?(?: *nodemask=[^,]*,)?"
                  + "(?: *order=(?<order>-?\\d{1,2}))?.*",
              UNSAID),
          Form.of( // 2.4
              ".*__alloc_pages: (?<order>\\d{1,2})-order allocation failed \\(gfp="
                  + "(?<mode>0x[0-9a-f]+).*",
              UNSAID),
          Form.of( // vmalloc() asks for its pages one by one, unless they are huge
              ".*\\bvmalloc error: size \\d+, (?:page order "
                  + ORDER
                  + ", )?failed to allocate pages, *mode:"
                  + MODE,
              0),
          Form.of(
              ".*\\bvmalloc: allocation failure, allocated \\d+ of \\d+ bytes(?<order>), *mode:"
                  + MODE,
              0));

  /** The request in a line, or null. */
  static @Nullable FailedRequest in(String line) {
    for (Form form : FORMS) {
      Matcher matcher = form.line().matcher(line);
      if (matcher.matches()) {
        String order = matcher.group("order");
        boolean said = order != null && !order.isEmpty();
        return new FailedRequest(
            said ? Math.max(0, Integer.parseInt(order)) : form.unsaid(), matcher.group("mode"));
      }
    }
    return null;
  }
}
