// SPDX-License-Identifier: Apache-2.0

/** House rules that check themselves: over the classes of all modules, their descriptors, docs. */
@NullMarked
package io.mm4j.house;

import org.jspecify.annotations.NullMarked;
