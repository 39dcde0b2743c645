// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * Receives the reason for each decision of a call, in words, as it is taken. Without an explainer
 * nothing is formatted and nothing is allocated for it.
 */
@API(status = API.Status.EXPERIMENTAL)
@FunctionalInterface
public interface Explainer {
  /**
   * One decision.
   *
   * @param topic the rule that decided, short and stable: {@code placement}, {@code merge}, {@code
   *     split}, {@code unmap}, {@code limit}, {@code overcommit}, {@code error}, {@code fault}
   * @param reason one line in words, with the addresses that mattered
   */
  void because(String topic, String reason);
}
