// SPDX-License-Identifier: Apache-2.0
/** Lines of text recordings, read strictly and in bounded memory, with a place in every error. */
@NullMarked
package io.mm4j.replay.text;

import org.jspecify.annotations.NullMarked;
