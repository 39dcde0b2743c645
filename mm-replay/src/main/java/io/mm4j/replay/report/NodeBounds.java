// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.Gfp;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * To which nodes a report's request was bound. A mask of the request itself (a memory policy) holds
 * for any request. A cpuset's nodes hold for user memory only: requests without {@code
 * __GFP_HARDWALL} may leave them in the slow path ({@code cpuset_node_allowed()},
 * kernel/cgroup/cpuset.c).
 */
final class NodeBounds {
  /** What is no number ends it: {@code nodemask=0-1,order=0}. */
  private static final String LIST = "=(\\d{1,4}(?:[-,]\\d{1,4}){0,63})(?=[,\\s]|$)";

  private static final Pattern NODEMASK = Pattern.compile("\\bnodemask" + LIST);
  private static final Pattern CPUSET = Pattern.compile("\\bmems_allowed" + LIST);

  private @Nullable NodeMask nodemask;
  private @Nullable NodeMask cpuset;

  /** Takes in a line; of each kind the first counts. */
  void line(String line) {
    nodemask = nodemask == null ? found(NODEMASK, line) : nodemask;
    cpuset = cpuset == null ? found(CPUSET, line) : cpuset;
  }

  private static @Nullable NodeMask found(Pattern pattern, String line) {
    Matcher matcher = line.contains("=") ? pattern.matcher(line) : null;
    if (matcher == null || !matcher.find()) {
      return null;
    }
    try {
      return NodeMask.parse(matcher.group(1), "nodemask");
    } catch (InputException e) {
      return null; // a node with a number that no machine here has
    }
  }

  /** The nodes for a request with these flags, null for all. */
  @Nullable NodeMask of(int gfp) {
    return nodemask != null ? nodemask : (gfp & Gfp.__GFP_HARDWALL) != 0 ? cpuset : null;
  }
}
